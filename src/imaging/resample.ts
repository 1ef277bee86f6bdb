// Resizes pixels exactly as Pillow does (Resample.c, ImagingResampleHorizontal_8bpc and
// ImagingResampleVertical_8bpc): across first, rounded to 8 bits, then down. Only the rows and
// columns that the kernels name are touched, and no intermediate image is kept: each source row is
// resized across once and added at once to the output rows that it belongs to.
import { type Kernel, precisionBits, reach } from './kernel.ts'

/** RGB pixels somewhere in a buffer; negative strides read an image backwards. */
export interface Pixels {
  readonly data: Uint8Array
  /** Index of the first pixel's red. */
  readonly offset: number
  /** Bytes from a pixel to its right neighbour. */
  readonly across: number
  /** Bytes from a pixel to the one below. */
  readonly down: number
}

export interface Resize {
  readonly source: Pixels
  readonly across: Kernel
  readonly down: Kernel
  readonly target: Pixels
}

const half = 1 << (precisionBits - 1)

/** Fills `target` with [down outputs, across outputs] pixels. */
export function resample({ source, across, down, target }: Resize): void {
  const columns = across.first.length
  const rows = down.first.length
  if (columns === 0 || rows === 0) return
  const line = new Uint8Array(columns * 3)
  const sums = new Int32Array(rows * columns * 3).fill(half)
  const { from, to } = reach(down)
  let firstOpen = 0
  for (let y = from; y < to; y++) {
    while (firstOpen < rows && end(down, firstOpen) <= y) firstOpen++
    if (firstOpen === rows || (down.first[firstOpen] as number) > y) continue
    resampleRow(source, source.offset + y * source.down, across, line)
    for (let row = firstOpen; row < rows && (down.first[row] as number) <= y; row++) {
      if (end(down, row) <= y) continue
      const weight = down.weights[row * down.stride + y - (down.first[row] as number)] as number
      addRow(sums, row * line.length, line, weight)
    }
  }
  writeRows(sums, columns, target)
}

function end(kernel: Kernel, output: number): number {
  return (kernel.first[output] as number) + (kernel.count[output] as number)
}

function resampleRow(source: Pixels, rowOffset: number, kernel: Kernel, line: Uint8Array): void {
  const { data, across } = source
  const { first, count, weights, stride } = kernel
  for (let i = 0; i < first.length; i++) {
    let red = half
    let green = half
    let blue = half
    let at = rowOffset + (first[i] as number) * across
    const lastWeight = i * stride + (count[i] as number)
    for (let w = i * stride; w < lastWeight; w++) {
      const weight = weights[w] as number
      // 32-bit arithmetic throughout: 255 times the largest sum of weights stays below 2^31.
      red = (red + Math.imul(data[at] as number, weight)) | 0
      green = (green + Math.imul(data[at + 1] as number, weight)) | 0
      blue = (blue + Math.imul(data[at + 2] as number, weight)) | 0
      at += across
    }
    line[i * 3] = clip8(red)
    line[i * 3 + 1] = clip8(green)
    line[i * 3 + 2] = clip8(blue)
  }
}

function addRow(sums: Int32Array, offset: number, line: Uint8Array, weight: number): void {
  for (let i = 0; i < line.length; i++) {
    sums[offset + i] = (sums[offset + i] as number) + Math.imul(line[i] as number, weight)
  }
}

function writeRows(sums: Int32Array, columns: number, target: Pixels): void {
  const { data, across, down } = target
  let sum = 0
  for (let row = 0; sum < sums.length; row++) {
    let at = target.offset + row * down
    for (let i = 0; i < columns; i++, at += across) {
      data[at] = clip8(sums[sum++] as number)
      data[at + 1] = clip8(sums[sum++] as number)
      data[at + 2] = clip8(sums[sum++] as number)
    }
  }
}

function clip8(sum: number): number {
  const value = sum >> precisionBits
  return Math.max(0, Math.min(255, value))
}
