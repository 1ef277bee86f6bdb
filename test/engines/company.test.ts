// Images that run together: whatever a graph does with a batch, nobody's answer depends on the company.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Engine, LoadRequest } from '../../src/engines/engine.ts'
import { onnxruntimeEngine } from '../../src/engines/onnxruntime/engine.ts'
import { openvinoEngine } from '../../src/engines/openvino/openvino-engine.ts'
import { tensorflowEngine } from '../../src/engines/tensorflow/tensorflow-engine.ts'
import type { Graph, GraphNode } from '../../src/graph/graph.ts'
import { writeSavedModel } from '../../src/savedmodel/write-saved-model.ts'
import { bool, createGraphBuilder, type } from '../support/graph-builder.ts'
import { openvinoMissing } from '../support/openvino.ts'
import { sessionRequest } from '../support/session-request.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { somePixels, withoutEngine } from '../support/tensorflow.ts'

const side = 4
const cropBytes = side * side * 3
const images = 5

/** Each channel's mean, and how far it is from the mean of all images: what a normalisation in training mode does. */
function besideOthers(): Graph {
  const graph = createGraphBuilder([-1, side, side, 3])
  const means = graph.node('Mean', [graph.image, graph.ints([1, 2])])
  const ofAll = graph.node('Mean', [means, graph.ints([0])], { keep_dims: bool(true) })
  return graph.build(graph.node('Sub', [graph.node('AddV2', [means, means]), ofAll]), [-1, 3])
}

/** Each channel's mean, of exactly so many images. */
function ofFixedBatch(batch: number): Graph {
  const graph = createGraphBuilder([batch, side, side, 3])
  return graph.build(graph.node('Mean', [graph.image, graph.ints([1, 2])]), [batch, 3])
}

/** The graph with the types that TensorFlow wants to be told. */
function typed(graph: Graph): Graph {
  const float = type('float32')
  const attributesOf = ({ op }: GraphNode) => {
    if (op === 'Placeholder') return { dtype: float }
    if (op === 'Const') return { dtype: type('int32') }
    return op === 'Mean' ? { T: float, Tidx: type('int32'), keep_dims: bool(false) } : { T: float }
  }
  const nodes = graph.nodes.map((node) => {
    return { ...node, attributes: { ...attributesOf(node), ...node.attributes } }
  })
  return { ...graph, nodes }
}

const graphs: Record<string, Graph> = {
  'computes across its images': besideOthers(),
  'takes exactly one image': ofFixedBatch(1),
  'takes exactly three images': ofFixedBatch(3),
}

interface Candidate {
  readonly engine: Engine
  readonly skip: string | false
  readonly hasCache?: boolean
}

const candidates: Record<string, Candidate> = {
  onnxruntime: { engine: onnxruntimeEngine, skip: false },
  openvino: { engine: openvinoEngine, skip: openvinoMissing, hasCache: true },
  'openvino, which reads the model by itself': { engine: openvinoEngine, skip: openvinoMissing },
  tensorflow: { engine: tensorflowEngine, skip: withoutEngine },
}

async function request(t: TestContext, graph: Graph, hasCache = false): Promise<LoadRequest> {
  const folder = join(await tempFolder(t), '1')
  await writeSavedModel(folder, typed(graph))
  const cacheFolder = hasCache ? await tempFolder(t) : null
  return sessionRequest({ folder, cacheFolder, precision: 'fp32' })
}

for (const [name, { engine, skip, hasCache }] of Object.entries(candidates)) {
  for (const [what, graph] of Object.entries(graphs)) {
    test(`${name}: a graph that ${what} answers each as if it were alone`, { skip }, async (t) => {
      const model = await engine.load(await request(t, graph, hasCache))
      t.after(() => model.close())
      const pixels = somePixels(images * cropBytes)
      const together = await model.run(pixels, images)
      assert.equal(together.length, images * 3)
      for (let image = 0; image < images; image += 1) {
        const crop = pixels.slice(image * cropBytes, (image + 1) * cropBytes)
        const expected = [0, 1, 2].map((channel) =>
          mean(crop.filter((_, at) => at % 3 === channel)),
        )
        const alone = await model.run(crop, 1)
        expected.forEach((value, channel) => {
          for (const score of [alone[channel], together[image * 3 + channel]]) {
            assert.ok(Math.abs((score ?? Number.NaN) - value) < 1e-3, `${score} is not ${value}`)
          }
        })
      }
    })
  }
}

function mean(values: Uint8Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
