// The stream of damaged uploads, from a seed number: the same number gives the same uploads.
import { crc32 } from '@node-rs/crc32'
import { createRandom, damage, type Random } from '../support/mutations.ts'
import type { Seed } from './seeds.ts'

export interface Upload {
  readonly name: string
  readonly bytes: Buffer
}

const percents = Array.from({ length: 100 }, (_, percent) => percent)

/** Every seed whole, then cut at every percent of its length. */
export function* truncations(seeds: readonly Seed[]): Generator<Upload> {
  for (const { name, bytes } of seeds) {
    yield { name: `${name}, whole`, bytes }
    for (const percent of percents) {
      const length = Math.floor((bytes.length * percent) / 100)
      yield { name: `${name}, the first ${percent} %`, bytes: bytes.subarray(0, length) }
    }
  }
}

/** Endless damage of every kind. */
export function* damages(seeds: readonly Seed[], seed: number): Generator<Upload> {
  for (let number = 0; ; number += 1) {
    const random = createRandom(seed * 1_000_003 + number)
    const victim = random.pick(seeds)
    const [kind, act] = random.pick(kinds)
    const bytes = act(Buffer.from(victim.bytes), random, seeds)
    yield { name: `${victim.name}, ${kind}, seed ${seed} number ${number}`, bytes }
  }
}

type Damage = (bytes: Buffer, random: Random, seeds: readonly Seed[]) => Buffer

const kinds: readonly (readonly [string, Damage])[] = [
  ['mutated', (bytes, random) => damage(bytes, random)],
  ['mutated thrice', (bytes, random) => damage(damage(damage(bytes, random), random), random)],
  ['bits flipped', flipBits],
  ['bits flipped, checksums right', (bytes, random) => repairPng(flipBits(bytes, random))],
  ['its head lies', (bytes, random) => repairPng(lieInHead(bytes, random))],
  ['its head on another body', graft],
  ['noise after its head', (bytes, random) => noiseAfter(bytes, random)],
  ['twice', (bytes) => Buffer.concat([bytes, bytes])],
]

function flipBits(bytes: Buffer, random: Random): Buffer {
  const flips = 1 + random.below(12)
  for (let i = 0; i < flips; i += 1) {
    const at = random.below(bytes.length)
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.below(8)), at)
  }
  return bytes
}

const tellingNumbers = [0, 1, 2, 0x7f, 0xff, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0xffffffff]
/** Where every format keeps its sizes, counts and offsets. */
const headBytes = 64

function lieInHead(bytes: Buffer, random: Random): Buffer {
  const at = 2 + random.below(Math.min(headBytes, bytes.length - 8))
  const value = random.pick(tellingNumbers)
  const width = random.pick([1, 2, 4] as const)
  const kept = width === 4 ? value : value % 2 ** (8 * width)
  if (random.below(2) === 0) bytes.writeUIntBE(kept, at, width)
  else bytes.writeUIntLE(kept, at, width)
  return bytes
}

function graft(bytes: Buffer, random: Random, seeds: readonly Seed[]): Buffer {
  const cut = random.below(Math.min(bytes.length, 2 * headBytes))
  return Buffer.concat([bytes.subarray(0, cut), random.pick(seeds).bytes.subarray(cut)])
}

function noiseAfter(bytes: Buffer, random: Random): Buffer {
  const noise = Buffer.from(
    Array.from({ length: 16 + random.below(2_000) }, () => random.below(256)),
  )
  return Buffer.concat([bytes.subarray(0, random.below(headBytes)), noise])
}

/** Right checksums for the chunks of a PNG, so that damage gets past them; others as they are. */
function repairPng(bytes: Buffer): Buffer {
  if (bytes.toString('latin1', 1, 4) !== 'PNG') return bytes
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 8 + bytes.readUInt32BE(at)
    if (end + 4 > bytes.length) break
    bytes.writeUInt32BE(crc32(bytes.subarray(at + 4, end)), end)
    at = end + 4
  }
  return bytes
}
