import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import test from 'node:test'
import { float32Values } from '../../src/graph/tensor.ts'
import { createRandom } from '../../src/resnet/random.ts'
import { type Checkpoint, encodeSafetensors } from '../../src/resnet/safetensors.ts'
import { seededCheckpoint } from '../../src/resnet/seeded-checkpoint.ts'
import { smallNetwork } from '../support/small-network.ts'

function digest(checkpoint: Checkpoint): string {
  const hash = createHash('sha256')
  for (const part of encodeSafetensors(checkpoint)) hash.update(part)
  return hash.digest('hex')
}

test('a seed gives the same weights on every machine', () => {
  // Computed once; another result means that somebody's seeded models no longer come out the same.
  assert.equal(
    digest(seededCheckpoint(smallNetwork('resnet34'), 1)),
    '1dd2e73245701876e24e181f0c00047162a0c9e7dba810c7f16429f6e393f450',
  )
  assert.equal(
    digest(seededCheckpoint(smallNetwork('resnet50', 'before-addition'), 2 ** 32 - 1)),
    '9213ed92081759e844f11663fe102425f9994133fa042fefe280dae82bb00a5c',
  )
})

test('another seed gives other weights', () => {
  const network = smallNetwork('resnet34')
  assert.notEqual(digest(seededCheckpoint(network, 1)), digest(seededCheckpoint(network, 2)))
})

test("each output's numbers of a kernel sum to zero and have the variance of He's initialisation", () => {
  const tensor = seededCheckpoint(smallNetwork('resnet34'), 3).get('layer4.1.conv1.weight')
  assert.ok(tensor)
  const fanIn = 32 * 9
  const values = float32Values(tensor)
  for (let output = 0; output < 32; output++) {
    const sum = values.slice(output * fanIn, (output + 1) * fanIn).reduce((a, b) => a + b, 0)
    assert.ok(Math.abs(sum) < 1e-4, `output ${output} sums to ${sum}`)
  }
  const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length
  assert.ok(Math.abs(variance / (2 / fanIn) - 1) < 0.05, `variance ${variance}`)
})

test('batch normalisation is not the identity', () => {
  const checkpoint = seededCheckpoint(smallNetwork('resnet50'), 3)
  for (const part of ['weight', 'bias', 'running_mean', 'running_var']) {
    const tensor = checkpoint.get(`layer2.0.bn2.${part}`)
    assert.ok(tensor)
    assert.equal(new Set(float32Values(tensor)).size, 8, `${part} is the same in all channels`)
  }
})

test('random numbers are spread evenly over [0, 1)', () => {
  const random = createRandom(1, 'spread')
  const counts = new Array<number>(10).fill(0)
  for (let draw = 0; draw < 100_000; draw++) {
    const value = random()
    assert.ok(value >= 0 && value < 1)
    const bucket = Math.floor(value * 10)
    counts[bucket] = (counts[bucket] ?? 0) + 1
  }
  // The spread of such a count is 95; ten times that is no chance.
  for (const count of counts) assert.ok(Math.abs(count - 10_000) < 950, String(counts))
})

test('streams of one seed differ by name', () => {
  assert.notEqual(createRandom(1, 'a')(), createRandom(1, 'b')())
})
