// Tries one exported model: converts it for the report, asks the real server on each engine, and
// holds every probability against TensorFlow's.
import { inputStageOf } from '../../src/engines/onnxruntime/converted-model.ts'
import { convertGraph } from '../../src/onnx/convert.ts'
import { readSavedModel } from '../../src/savedmodel/read-saved-model.ts'
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
  const { name, only, tolerance: bound = maxDifference } = exported
  const failures: string[] = []
  const noted = async <Result>(what: string, work: () => Promise<Result>) => {
    try {
      return await work()
    } catch (error) {
      failures.push(`${what}: ${error instanceof Error ? error.message : error}`)
      return undefined
    }
  }
  const conversion =
    only === 'tensorflow' ? undefined : await noted('conversion', () => convert(exported))
  const answers: Answered[] = []
  for (const engine of engines.filter((one) => only === undefined || only === one)) {
    const scores = await noted(engine, () => askServer(exported, engine))
    if (scores === undefined) continue
    const answer = {
      engine,
      ...compareProbabilities(rows(scores, exported), wanted(exported), bound),
    }
    answers.push(answer)
    if (!(answer.difference <= bound)) failures.push(`${engine}: differs by ${answer.difference}`)
    if (!answer.sameTop) failures.push(`${engine}: another top 5`)
  }
  return { name, bound, answers, failures, ...(conversion === undefined ? {} : { conversion }) }
}

function wanted(exported: Exported): Float32Array[] {
  return rows(exported.answer, exported)
}

async function convert(exported: Exported): Promise<Conversion> {
  const { name, version, preprocess, output = null, cropSize } = exported
  const started = performance.now()
  const graph = await readSavedModel(version)
  const { report } = convertGraph(graph, {
    ...{ model: name, output, inputStage: inputStageOf(preprocess) },
    ...(cropSize === undefined ? {} : { openSize: cropSize }),
  })
  const { nodes, transposes, operators } = report
  const seconds = (performance.now() - started) / 1000
  return { operators: operators.length, nodes, transposes, seconds }
}
