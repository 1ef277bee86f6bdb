// Which source pixels make each output pixel of one axis, and with what weights: the coefficients
// of Pillow's Resample.c (precompute_coeffs, normalize_coeffs_8bpc) and, for nearest, of its
// Geometry.c (ImagingScaleAffine), in the same fixed-point arithmetic.
import { filters } from './filters.ts'
import type { Span } from './geometry.ts'
import type { Interpolation } from './imaging.ts'

/** Fraction bits of a weight: 32 bits less 8 of the pixel and 2 of headroom for negative lobes. */
export const precisionBits = 22

/** One axis of a resize. */
export interface Kernel {
  /** Source pixel of each output pixel's first weight; never decreases. [outputs] */
  readonly first: Int32Array
  /** Weights of each output pixel. [outputs] */
  readonly count: Int32Array
  /** Fixed-point weights, `stride` apart. [outputs, stride] */
  readonly weights: Int32Array
  readonly stride: number
}

export interface Axis {
  /** Pixels of the whole source axis. */
  readonly from: number
  /** Pixels it is resized to. */
  readonly to: number
  /** The outputs that are wanted. */
  readonly span: Span
}

export function createKernel(axis: Axis, interpolation: Interpolation): Kernel {
  // Pillow skips a pass that changes nothing, and copies.
  if (axis.from === axis.to) return pickKernel(axis, (output) => output)
  if (interpolation === 'nearest') return nearestKernel(axis)
  return filterKernel(axis, interpolation)
}

/** The source pixels [from, to) that a kernel reads. */
export function reach(kernel: Kernel): { readonly from: number; readonly to: number } {
  const last = kernel.first.length - 1
  let to = 0
  // The last output need not reach furthest: at an edge its window is cut.
  for (let i = 0; i <= last; i++) to = Math.max(to, at(kernel.first, i) + at(kernel.count, i))
  return { from: at(kernel.first, 0), to }
}

/** The same kernel for a source whose first `pixels` pixels were cut off. */
export function shift(kernel: Kernel, pixels: number): Kernel {
  return pixels === 0 ? kernel : { ...kernel, first: kernel.first.map((value) => value - pixels) }
}

function filterKernel(
  { from, to, span }: Axis,
  interpolation: Exclude<Interpolation, 'nearest'>,
): Kernel {
  const filter = filters[interpolation]
  const scale = from / to
  const filterScale = Math.max(scale, 1)
  const support = filter.support * filterScale
  const stride = Math.ceil(support) * 2 + 1
  const kernel = emptyKernel(span.count, stride)
  const row = new Float64Array(stride)
  for (let i = 0; i < span.count; i++) {
    const centre = (span.first + i + 0.5) * scale
    const low = Math.max(0, Math.trunc(centre - support + 0.5))
    const high = Math.min(from, Math.trunc(centre + support + 0.5))
    let sum = 0
    for (let x = 0; x < high - low; x++) {
      // Multiplied by the reciprocal, not divided: Pillow does, and the last bit depends on it.
      const weight = filter.weight((x + low - centre + 0.5) * (1 / filterScale))
      row[x] = weight
      sum += weight
    }
    kernel.first[i] = low
    kernel.count[i] = high - low
    for (let x = 0; x < high - low; x++) {
      const weight = sum === 0 ? at(row, x) : at(row, x) / sum
      kernel.weights[i * stride + x] = toFixedPoint(weight)
    }
  }
  return kernel
}

function nearestKernel({ from, to, span }: Axis): Kernel {
  const scale = from / to
  // Pillow adds the scale up from pixel to pixel; a product would round differently here and there.
  const sources = new Int32Array(span.first + span.count)
  let position = scale * 0.5
  for (let i = 0; i < sources.length; i++) {
    sources[i] = Math.min(from - 1, Math.floor(position))
    position += scale
  }
  return pickKernel({ from, to, span }, (output) => at(sources, output))
}

/** A kernel that copies one source pixel to each output. */
function pickKernel({ span }: Axis, sourceOf: (output: number) => number): Kernel {
  const kernel = emptyKernel(span.count, 1)
  for (let i = 0; i < span.count; i++) kernel.first[i] = sourceOf(span.first + i)
  kernel.count.fill(1)
  kernel.weights.fill(1 << precisionBits)
  return kernel
}

function emptyKernel(outputs: number, stride: number): Kernel {
  return {
    first: new Int32Array(outputs),
    count: new Int32Array(outputs),
    weights: new Int32Array(outputs * stride),
    stride,
  }
}

function toFixedPoint(weight: number): number {
  return Math.trunc((weight < 0 ? -0.5 : 0.5) + weight * (1 << precisionBits))
}

function at(values: Int32Array | Float64Array, index: number): number {
  return values[index] as number
}
