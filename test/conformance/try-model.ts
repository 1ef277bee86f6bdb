// Tries one exported model: converts it for the report, asks the real server on each engine, and
// holds every probability against TensorFlow's.
import { inputStageOf, readServed } from '../../src/engines/onnxruntime/converted-model.ts'
import { convertGraph } from '../../src/onnx/convert.ts'
import { compareProbabilities, rows } from '../support/probabilities.ts'
import { askServer } from './ask-server.ts'
import type { Exported } from './exported.ts'

/** What float32 arithmetic in another order may change in a probability. */
const maxDifference = 1e-4

export interface Answered {
  readonly engine: string
  readonly difference: number
  /** Neighbours closer than the bound may change places. */
  readonly sameTop: boolean
}

export interface Verdict {
  readonly name: string
  readonly bound: number
  /** Absent where the model is not meant to be converted. */
  readonly conversion?: Conversion
  readonly answers: readonly Answered[]
  /** Engines that refused the model, as they have to. */
  readonly refused?: readonly string[]
  /** Empty where everything is as it has to be. */
  readonly failures: readonly string[]
}

interface Conversion {
  readonly operators: number
  readonly nodes: number
  readonly transposes: number
  readonly seconds: number
}

export async function tryModel(exported: Exported, engines: readonly string[]): Promise<Verdict> {
  const { name, only, refusals = {}, tolerance: bound = maxDifference } = exported
  const failures: string[] = []
  const noted = async <Result>(what: string, work: () => Promise<Result>) => {
    try {
      return await work()
    } catch (error) {
      failures.push(`${what}: ${error instanceof Error ? error.message : error}`)
      return undefined
    }
  }
  const isConverted = only !== 'tensorflow' && refusals.onnxruntime === undefined
  const conversion = isConverted ? await noted('conversion', () => convert(exported)) : undefined
  const answers: Answered[] = []
  const refused: string[] = []
  // What the conversion has to refuse openvino may run, or not: its own reader decides.
  const mayRun = (engine: string) => engine !== 'openvino' || isConverted
  const asked = engines.filter((one) => (only === undefined || only === one) && mayRun(one))
  for (const engine of asked) {
    const pattern = refusals[engine]
    if (pattern !== undefined) {
      const words = engines.includes('tensorflow') ? pattern : ''
      if (await noted(engine, () => requireRefusal(exported, engine, words))) refused.push(engine)
      continue
    }
    const scores = await noted(engine, () => askServer(exported, engine))
    if (scores === undefined) continue
    const { answer, faults } = judge(scores, exported, { engine, bound })
    answers.push(answer)
    failures.push(...faults)
  }
  return {
    ...{ name, bound, answers, refused, failures },
    ...(conversion === undefined ? {} : { conversion }),
  }
}

function judge(
  scores: Float32Array,
  exported: Exported,
  { engine, bound }: { readonly engine: string; readonly bound: number },
) {
  const compared = compareProbabilities(
    rows(scores, exported),
    rows(exported.answer, exported),
    bound,
  )
  const answer = { engine, ...compared }
  const faults = [
    ...(answer.difference <= bound ? [] : [`${engine}: differs by ${answer.difference}`]),
    ...(answer.sameTop ? [] : [`${engine}: another top 5`]),
  ]
  return { answer, faults }
}

/** @param pattern what the refusal has to say; without the tensorflow engine nobody points to it */
async function requireRefusal(exported: Exported, engine: string, pattern: string): Promise<true> {
  const words = await askServer(exported, engine).then(
    () => undefined,
    (error) => String(error instanceof Error ? error.message : error),
  )
  if (words === undefined) throw new Error('it runs, but has to be refused')
  if (!/no model (of \S+ )?can be served/.test(words) || !new RegExp(pattern, 's').test(words)) {
    throw new Error(`refused in other words than /${pattern}/: ${words}`)
  }
  return true
}

async function convert(exported: Exported): Promise<Conversion> {
  const { name, version, preprocess, output = null, cropSize } = exported
  const started = performance.now()
  const graph = await readServed({ model: name, folder: version, output })
  const { report } = convertGraph(graph, {
    ...{ model: name, output, inputStage: inputStageOf(preprocess) },
    ...(cropSize === undefined ? {} : { openSize: cropSize }),
  })
  const { nodes, transposes, operators } = report
  const seconds = (performance.now() - started) / 1000
  return { operators: operators.length, nodes, transposes, seconds }
}
