import assert from 'node:assert/strict'
import test from 'node:test'
import {
  convolutionsOf,
  countParameters,
  describeNetwork,
  publishedSpec,
} from '../../src/resnet/network.ts'

for (const [network, variant, trained, folded] of [
  ['resnet34', 'after-addition', 21_797_672, 21_789_160],
  ['resnet50', 'after-addition', 25_557_032, 25_530_472],
  ['resnet34', 'before-addition', 21_789_160, 21_789_160],
  ['resnet50', 'before-addition', 25_530_472, 25_530_472],
] as const) {
  test(`${network} with ReLU ${variant} has ${trained} parameters, ${folded} after folding`, () => {
    const counts = countParameters(describeNetwork({ ...publishedSpec(network), variant }))
    assert.deepEqual(counts, { trained, folded })
  })
}

test('ResNet34 has 33 convolutions in its branches and stem, and 3 projections', () => {
  const { blocks, stem } = describeNetwork(publishedSpec('resnet34'))
  assert.equal(blocks.length, 16)
  assert.equal([stem, ...blocks.flatMap((block) => block.branch)].length, 33)
  const projected = blocks.filter((block) => block.shortcut !== null).map((block) => block.name)
  assert.deepEqual(projected, ['group2/block1', 'group3/block1', 'group4/block1'])
})

test('ResNet50 projects in every group, in the first without a stride', () => {
  const { blocks } = describeNetwork(publishedSpec('resnet50'))
  const shortcuts = blocks.flatMap(({ shortcut }) => shortcut ?? [])
  assert.deepEqual(
    shortcuts.map(({ stride, inputs, outputs }) => [stride, inputs, outputs]),
    [
      [1, 64, 256],
      [2, 256, 512],
      [2, 512, 1024],
      [2, 1024, 2048],
    ],
  )
})

for (const [variant, strides] of [
  ['after-addition', [1, 2, 1]],
  ['before-addition', [2, 1, 1]],
] as const) {
  test(`a bottleneck with ReLU ${variant} has the strides ${strides}`, () => {
    const { blocks } = describeNetwork({ ...publishedSpec('resnet50'), variant })
    const first = blocks.find((block) => block.name === 'group3/block1')
    assert.deepEqual(
      first?.branch.map(({ stride }) => stride),
      strides,
    )
  })
}

test('no two convolutions share a name', () => {
  const convolutions = convolutionsOf(describeNetwork(publishedSpec('resnet50')))
  assert.equal(new Set(convolutions.map(({ name }) => name)).size, convolutions.length)
})
