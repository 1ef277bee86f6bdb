// The inner loops of a resize in AssemblyScript (https://www.assemblyscript.org/), because WebAssembly
// has the vector instructions that JavaScript lacks. `npm run generate:simd` compiles this file to
// ../generated/resample-wasm.ts; ../resample.ts is its only caller and owns the memory's layout.
// The arithmetic is that of Pillow's Resample.c: 32-bit sums of pixel x weight with 22 fraction bits,
// started at one half so that the final shift rounds.

const precisionBits: i32 = 22
const half: i32 = 1 << (precisionBits - 1)

/** Four bytes at `at` as four 32-bit lanes; of an RGB pixel the fourth is its neighbour's red. */
function load4(at: usize): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(at)))
}

/** The lowest bytes of four sums, rounded and clipped. */
function clip4(sums: v128): v128 {
  const words = i32x4.shr_s(sums, precisionBits)
  return i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(words, words), i16x8.splat(0))
}

/**
 * One row across: `outputs` RGB pixels to `line`. Writes one byte more than that.
 * @param row RGB pixels, readable to 4 bytes behind their end
 * @param starts byte offset in the row of each output's first pixel, i32 [outputs]
 * @param counts weights of each output, i32 [outputs]
 * @param weights i32 [outputs, stride]
 */
export function resampleRow(
  row: usize,
  starts: usize,
  counts: usize,
  weights: usize,
  stride: i32,
  outputs: i32,
  line: usize,
): void {
  for (let i: i32 = 0; i < outputs; i++) {
    let pixel = row + <usize>load<i32>(starts)
    let weight = weights
    const end = weights + ((<usize>load<i32>(counts)) << 2)
    let even = i32x4.splat(half)
    // Two sums, so that one multiplication need not wait for the other.
    let odd = i32x4.splat(0)
    while (weight + 4 < end) {
      even = i32x4.add(even, i32x4.mul(load4(pixel), v128.load32_splat(weight)))
      odd = i32x4.add(odd, i32x4.mul(load4(pixel + 3), v128.load32_splat(weight + 4)))
      pixel += 6
      weight += 8
    }
    if (weight < end) {
      even = i32x4.add(even, i32x4.mul(load4(pixel), v128.load32_splat(weight)))
    }
    v128.store32_lane(line, clip4(i32x4.add(even, odd)), 0)
    line += 3
    starts += 4
    counts += 4
    weights += (<usize>stride) << 2
  }
}

/** Adds `line` x `weight` to `sums`, `bytes` of them, in steps of 8. */
export function addRow(line: usize, sums: usize, bytes: i32, weight: i32): void {
  const factor = i32x4.splat(weight)
  const end = line + <usize>bytes
  while (line < end) {
    const words = v128.load8x8_u(line)
    const low = i32x4.mul(i32x4.extend_low_i16x8_u(words), factor)
    const high = i32x4.mul(i32x4.extend_high_i16x8_u(words), factor)
    v128.store(sums, i32x4.add(v128.load(sums), low))
    v128.store(sums, i32x4.add(v128.load(sums, 16), high), 16)
    line += 8
    sums += 32
  }
}

/** Sets `count` sums to one half, in steps of 8. */
export function clearSums(sums: usize, count: i32): void {
  const start = i32x4.splat(half)
  const end = sums + ((<usize>count) << 2)
  for (; sums < end; sums += 32) {
    v128.store(sums, start)
    v128.store(sums, start, 16)
  }
}

/** Rounds `count` sums to bytes at `line`, in steps of 8. */
export function finishRow(sums: usize, count: i32, line: usize): void {
  const end = sums + ((<usize>count) << 2)
  for (; sums < end; sums += 32, line += 8) {
    const low = i32x4.shr_s(v128.load(sums), precisionBits)
    const high = i32x4.shr_s(v128.load(sums, 16), precisionBits)
    v128.store64_lane(line, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(low, high), low), 0)
  }
}
