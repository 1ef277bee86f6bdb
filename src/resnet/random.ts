// Pseudo-random numbers that are the same on every machine: sfc32 ("small fast counter", 128 bits
// of state) by Chris Doty-Humphrey, https://pracrand.sourceforge.net/RNG_engines.txt

/** Numbers drawn and thrown away so that similar seeds part ways. */
const warmUpDraws = 15

/** The next number, evenly spread over [0, 1); multiples of 2^-24, so exact in float32 too. */
export type Random = () => number

/** A stream of its own for each pair of seed and name, so that the order of use is no matter. */
export function createRandom(seed: number, name: string): Random {
  let a = seed >>> 0
  let b = hash(name)
  let c = 0x9e3779b9 // 2^32 over the golden ratio: any constant that is not 0 would do
  let counter = 1
  const draw = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return sum >>> 8
  }
  for (let index = 0; index < warmUpDraws; index++) draw()
  return () => draw() / 2 ** 24
}

/** 32-bit FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
function hash(text: string): number {
  return new TextEncoder()
    .encode(text)
    .reduce((state, byte) => Math.imul(state ^ byte, 0x01000193), 0x811c9dc5)
}
