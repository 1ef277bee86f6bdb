// The form with ReLU before the addition, held against networks that were written with the original
// TF.Keras snippets: their weights in our network must give TensorFlow's answers.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { onnxruntimeEngine } from '../../src/engines/onnxruntime/engine.ts'
import type { Graph, GraphNode, ValueRef } from '../../src/graph/graph.ts'
import type { Tensor } from '../../src/graph/tensor.ts'
import { buildResNet } from '../../src/resnet/build-graph.ts'
import { convolutionsOf, describeNetwork, publishedSpec } from '../../src/resnet/network.ts'
import type { LayerWeights, NetworkWeights } from '../../src/resnet/weights.ts'
import { readSavedModel } from '../../src/savedmodel/read-saved-model.ts'
import { writeSavedModel } from '../../src/savedmodel/write-saved-model.ts'
import { goldenMissing, goldenModels } from '../support/golden.ts'
import { sessionRequest } from '../support/session-request.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** The answers are near 0.01, so this is 0.01 % of them. */
const allowed = 1e-6

/** The weights of a Keras model, its layers in the order in which they were made. */
function readWeights(graph: Graph, network: ReturnType<typeof describeNetwork>): NetworkWeights {
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]))
  // Keras numbers layers as they are made, and the last number only tells traces apart.
  const numberOf = ({ name }: GraphNode): number =>
    Number(/conv2d(?:_(\d+))?_\d+\/convolution/.exec(name)?.[1] ?? 0)
  const constantOf = (value: ValueRef | undefined): Tensor => {
    const node = nodes.get(value?.node ?? '')
    const attribute = node?.attributes.value
    return attribute?.kind === 'tensor' ? attribute.value : constantOf(node?.inputs[0])
  }
  const weightsOf = (product: GraphNode | undefined): LayerWeights => {
    const reader = graph.nodes.find((node) => node.inputs[0]?.node === product?.name)
    const kernel = constantOf(product?.inputs[1])
    const bias = constantOf(reader?.inputs[1])
    return { kernel, bias: { ...bias, shape: [bias.bytes.byteLength / 4] } }
  }
  const made = graph.nodes
    .filter(({ op }) => op === 'Conv2D')
    .sort((a, b) => numberOf(a) - numberOf(b))
  const convolutions = convolutionsOf(network)
  assert.equal(made.length, convolutions.length)
  return {
    convolutions: new Map(convolutions.map(({ name }, i) => [name, weightsOf(made[i])])),
    classifier: weightsOf(graph.nodes.find(({ op }) => op === 'MatMul')),
  }
}

describe('the networks of the original snippets', { skip: goldenMissing }, () => {
  for (const name of ['resnet34', 'resnet50'] as const) {
    test(`${name} with the snippets' weights answers as TensorFlow does`, async (t) => {
      const golden = goldenModels().find((model) => model.name === `${name}-snippet-eighth`)
      assert.ok(golden)
      const spec = { ...publishedSpec(name), variant: 'before-addition', filters: 8 } as const
      const weights = readWeights(await readSavedModel(golden.folder), describeNetwork(spec))
      const folder = await tempFolder(t)
      await writeSavedModel(`${folder}/1`, buildResNet(spec, weights))
      const model = await onnxruntimeEngine.load(
        sessionRequest({ folder: `${folder}/1`, precision: 'fp32' }),
      )
      const found = await model.run(golden.pixels, 4)
      await model.close()
      const expected = [...golden.answers.values()][0] ?? new Float32Array()
      assert.equal(found.length, expected.length)
      expected.forEach((value, index) => {
        const difference = Math.abs(value - (found[index] as number))
        assert.ok(difference <= allowed, `probability ${index} differs by ${difference}`)
      })
    })
  }
})
