// Damage to bytes, from a seed: the same seed gives the same damage, so that a failure can be repeated.

export interface Random {
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number
  pick<T>(items: readonly T[]): T
}

/** mulberry32 (https://github.com/cprosche/mulberry32): small, and good enough to choose damage. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const below = (limit: number) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % limit
  }
  return { below, pick: <T>(items: readonly T[]) => items[below(items.length)] as T }
}

type Mutation = (bytes: Buffer, random: Random) => Buffer

const telling = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff]
const hugeVarint = Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])
const largeVarint = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x07])

/** A random part, at most 64 bytes: long ones would destroy more than they probe. */
function range(bytes: Buffer, random: Random): [number, number] {
  const start = random.below(bytes.length + 1)
  return [start, Math.min(bytes.length, start + 1 + random.below(64))]
}

const mutations: readonly Mutation[] = [
  (bytes, random) => replaced(bytes, random, (byte) => byte ^ (1 << random.below(8))),
  (bytes, random) => replaced(bytes, random, () => random.below(256)),
  (bytes, random) => replaced(bytes, random, () => random.pick(telling)),
  (bytes, random) => replaced(bytes, random, (byte) => byte + random.pick([-1, 1])),
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => {
    const [start, end] = range(bytes, random)
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)])
  },
  (bytes, random) => {
    const [start, end] = range(bytes, random)
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)])
  },
  (bytes, random) => {
    const [start, end] = range(bytes, random)
    const [target] = range(bytes, random)
    return Buffer.concat([
      bytes.subarray(0, target),
      bytes.subarray(start, end),
      bytes.subarray(target),
    ])
  },
  (bytes, random) => {
    const [start] = range(bytes, random)
    const varint = random.pick([hugeVarint, largeVarint])
    return Buffer.concat([bytes.subarray(0, start), varint, bytes.subarray(start + 1)])
  },
]

function replaced(bytes: Buffer, random: Random, change: (byte: number) => number): Buffer {
  const copy = Buffer.from(bytes)
  if (copy.length > 0) {
    const at = random.below(copy.length)
    copy[at] = change(copy[at] as number)
  }
  return copy
}

/** `bytes` damaged in one to four places. */
export function damage(bytes: Buffer, random: Random): Buffer {
  let damaged = bytes
  for (let left = 1 + random.below(4); left > 0; left -= 1) {
    damaged = random.pick(mutations)(damaged, random)
  }
  return damaged
}
