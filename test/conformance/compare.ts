// Converts and runs one exported network and says how far its answers lie from TensorFlow's.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Normalization } from '../../src/engines/engine.ts'
import { inputStageOf } from '../../src/engines/onnxruntime/converted-model.ts'
import { onnxruntimeEngine } from '../../src/engines/onnxruntime/engine.ts'
import { convertGraph } from '../../src/onnx/convert.ts'
import { readSavedModel } from '../../src/savedmodel/read-saved-model.ts'
import { compareProbabilities, rows } from '../support/probabilities.ts'
import { sessionRequest } from '../support/session-request.ts'

/** What export.py writes beside the SavedModel. */
interface Network {
  readonly size: number
  readonly classes: number
  readonly preprocess: Normalization
}

export interface Verdict {
  readonly name: string
  /** TensorFlow nodes read, ONNX nodes written. */
  readonly nodesRead: number
  readonly nodes: number
  readonly operators: number
  readonly difference: number
  readonly sameTop: boolean
  readonly transposes: number
  readonly conversionS: number
}

/** Neighbours closer than this may change places: the bound on probabilities itself. */
const tie = 1e-4

export async function compareNetwork(name: string, folder: string): Promise<Verdict> {
  const network: Network = JSON.parse(readFileSync(join(folder, 'network.json'), 'utf8'))
  const pixels = Uint8Array.from(readFileSync(join(folder, 'input.u8')))
  const bytes = Uint8Array.from(readFileSync(join(folder, 'reference.f32')))
  const version = join(folder, '1')

  const started = performance.now()
  const graph = await readSavedModel(version)
  const inputStage = inputStageOf(network.preprocess)
  const { report } = convertGraph(graph, { model: name, output: null, inputStage })
  const conversionS = (performance.now() - started) / 1000

  const request = { model: name, folder: version, normalization: network.preprocess, threads: 2 }
  const model = await onnxruntimeEngine.load(sessionRequest(request))
  const count = pixels.length / network.size ** 2 / 3
  const found = rows(await model.run(pixels, count), model.description.output)
  await model.close()
  const expected = rows(new Float32Array(bytes.buffer), {
    kind: 'probabilities',
    classes: network.classes,
  })
  return {
    name,
    nodesRead: graph.nodes.length,
    nodes: report.nodes,
    operators: report.operators.length,
    ...compareProbabilities(found, expected, tie),
    transposes: report.transposes,
    conversionS,
  }
}
