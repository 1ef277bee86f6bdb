// The conformance run's table, and the page in docs/ that holds it.
import { markdownTable } from '../../bench/support/statistics.ts'
import type { Kept } from './kept.ts'
import type { Verdict } from './try-model.ts'

export interface Report {
  readonly verdicts: readonly Kept[]
  /** How many models the run was to try; it may have been ended before. */
  readonly planned: number
  readonly engines: readonly string[]
  /** Why engines are missing, one sentence each. */
  readonly skipped: readonly string[]
  /** The arguments the run was started with. */
  readonly command: string
}

export function verdictTable({ verdicts, engines }: Report): string {
  const head = ['model', 'operators', 'ONNX nodes', 'transposes left', 'conversion, s', 'bound']
  const perEngine = engines.flatMap((engine) => [`${engine}: difference`, 'top 5 equal'])
  const lines = verdicts.map((verdict) => [
    verdict.name,
    ...conversionCells(verdict),
    verdict.bound.toExponential(0),
    ...engines.flatMap((engine) => answerCells(verdict, engine)),
    verdict.failures.length === 0 ? 'passes' : 'FAILS',
  ])
  return markdownTable([[...head, ...perEngine, 'result'], ...lines])
}

function conversionCells({ conversion }: Verdict): string[] {
  if (conversion === undefined) return ['–', '–', '–', '–']
  const { operators, nodes, transposes, seconds } = conversion
  return [String(operators), String(nodes), String(transposes), seconds.toFixed(2)]
}

function answerCells({ answers, refused = [] }: Verdict, engine: string): string[] {
  if (refused.includes(engine)) return ['refused', '–']
  const answer = answers.find((one) => one.engine === engine)
  if (answer === undefined) return ['–', '–']
  return [answer.difference.toExponential(1), answer.sameTop ? 'yes' : 'NO']
}

/** It says nothing to a reader, and differs in every run. */
const temporaryFolder = / of \S+resnet-serving-conformance-\S+/

export function page(report: Report): string {
  const { verdicts, planned, engines, skipped, command } = report
  const good = verdicts.filter(({ failures }) => failures.length === 0).length
  const failures = verdicts.flatMap((one) =>
    one.failures.map((text) => `- ${one.name}: ${text.replace(temporaryFolder, '')}`),
  )
  const tensorflow = distinct(verdicts.map((one) => one.tensorflow))
  const commits = distinct(verdicts.map((one) => one.commit))
  const parts = [
    '# Conformance with TensorFlow',
    `Written by \`${command}\`; TensorFlow ${tensorflow} gave the reference answers. ` +
      `${good} of ${verdicts.length} models pass, on ${engines.join(' and ')}. Tried at commit ${commits}.`,
    ...(verdicts.length < planned
      ? [`The run was ended early, after ${verdicts.length} of ${planned} models.`]
      : []),
    ...skipped,
    'TensorFlow exports each model and answers four images. A real server (`serve`, one model) gets the ' +
      'same pixels over HTTP, as a binary UINT8 tensor of the V2 protocol, and answers all scores. ' +
      '_Difference_ is the largest between two probabilities. _Top 5 equal_: the same order, but ' +
      'neighbours closer than the bound may change places. Weights are random and batch normalisation ' +
      'is not trivial. Weights that make a network chaotic (TensorFlow changes its own answer by more ' +
      'than 1e-4 when the pixels change by a millionth) are drawn anew. Models that compute in half ' +
      'precision have a wider bound. _Refused_: the engine has to refuse this model, and its words say ' +
      'why and what to do. A dash: not asked (TensorFlow cannot compute it on a CPU).',
    verdictTable(report),
    ...(failures.length === 0 ? [] : ['## What failed', failures.join('\n')]),
  ]
  return `${parts.join('\n\n')}\n`
}

function distinct(words: readonly string[]): string {
  return [...new Set(words.filter((word) => word !== ''))].join(', ')
}
