import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type NetworkSpec, publishedSpec } from '../../src/resnet/network.ts'
import { compareWithTorch, withoutTorch } from '../support/reference-resnet.ts'
import { smallSpec } from '../support/small-network.ts'

/** What the logits may differ by, as a part of the largest. */
const allowed = 1e-3

const before = { variant: 'before-addition', filters: 8, imageSize: 64 } as const
const specs: readonly [string, NetworkSpec][] = [
  ['ResNet34', publishedSpec('resnet34')],
  ['ResNet50', publishedSpec('resnet50')],
  ['a small ResNet34 with ReLU before the addition', smallSpec('resnet34', before)],
  ['a small ResNet50 with ReLU before the addition', smallSpec('resnet50', before)],
  // 75 halves to 38, 19, 10, 5, 3: odd sizes are where paddings go wrong
  ['a small ResNet34 of odd sizes', smallSpec('resnet34', { filters: 8, imageSize: 75 })],
  ['a small ResNet50 of odd sizes', smallSpec('resnet50', { filters: 8, imageSize: 75 })],
  ['the other form, of odd sizes', smallSpec('resnet50', { ...before, imageSize: 75 })],
]

describe('the logits are those of PyTorch with the same weights', { skip: withoutTorch }, () => {
  for (const [title, spec] of specs) {
    test(title, async () => {
      const { relative, sameTop, images } = await compareWithTorch(spec, 1)
      assert.ok(relative <= allowed, `logits differ by ${relative} of the largest`)
      assert.equal(sameTop, images)
    })
  }
})

test('seeded networks tell pictures apart', { skip: withoutTorch }, async () => {
  const spec = smallSpec('resnet34', { filters: 16, classes: 1000, imageSize: 64 })
  const { differentTops } = await compareWithTorch(spec, 1)
  assert.ok(differentTops > 1, 'every picture got the same class')
})
