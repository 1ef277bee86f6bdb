// Which values each activation of a network takes on real images, and the range that int8 should
// cover: the one with the smallest squared error, clipping and rounding together.
import { openLookInside } from '../../engines/onnxruntime/look-inside.ts'
import type { OnnxModel } from '../../onnx/model.ts'
import { activationsOf, type Range, type Ranges } from '../../onnx/quantize.ts'

export interface CalibrationOptions {
  readonly model: OnnxModel
  /** uint8 [height, width, 3] each */
  readonly crops: readonly Uint8Array[]
  readonly onProgress: (done: number, of: number) => void
}

export const calibrationMethod = 'histograms of 2048 bins, smallest squared error'

const bins = 2048
/** Steps of a uint8. */
const levels = 255
/** Ranges that are tried, in parts of the whole one. */
const triedParts = Array.from({ length: 80 }, (_, index) => 1 - index / 100)

/** @throws Error where the network cannot run here */
export async function calibrate(options: CalibrationOptions): Promise<Ranges> {
  const names = activationsOf(options.model)
  const run = await openLookInside(options.model, names)
  const extremes = new Map<string, Range>()
  const histograms = new Map<string, Float64Array>()
  const passes = [
    (name: string, values: Float32Array) => extremes.set(name, widen(extremes.get(name), values)),
    (name: string, values: Float32Array) =>
      count(values, extremes.get(name) as Range, histogramOf(histograms, name)),
  ]
  let done = 0
  for (const visit of passes) {
    for (const crop of options.crops) {
      await run(crop, visit)
      options.onProgress(++done, passes.length * options.crops.length)
    }
  }
  return Object.fromEntries(
    names.map((name) => [
      name,
      bestRange(extremes.get(name) as Range, histogramOf(histograms, name)),
    ]),
  )
}

function widen(before: Range | undefined, values: Float32Array): Range {
  // Zero is in every range: padding is zero.
  let low = before?.low ?? 0
  let high = before?.high ?? 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    if (value < low) low = value
    else if (value > high) high = value
  }
  return { low, high }
}

function histogramOf(histograms: Map<string, Float64Array>, name: string): Float64Array {
  const found = histograms.get(name) ?? new Float64Array(bins)
  histograms.set(name, found)
  return found
}

function count(values: Float32Array, { low, high }: Range, histogram: Float64Array): void {
  const perBin = bins / (high - low || 1)
  for (let i = 0; i < values.length; i++) {
    const bin = Math.min(bins - 1, Math.floor(((values[i] as number) - low) * perBin))
    histogram[bin] = (histogram[bin] as number) + 1
  }
}

/** The part of `whole` that uint8 represents best. */
function bestRange(whole: Range, histogram: Float64Array): Range {
  let best = whole
  let least = Number.POSITIVE_INFINITY
  for (const part of triedParts) {
    const range = { low: whole.low * part, high: whole.high * part }
    const error = squaredError(whole, histogram, range)
    if (error < least) {
      least = error
      best = range
    }
  }
  return best
}

function squaredError(whole: Range, histogram: Float64Array, { low, high }: Range): number {
  const width = (whole.high - whole.low) / bins
  const step = (high - low) / levels
  // Values that are rounded to a step are off by a uniform amount within it.
  const rounding = (step * step) / 12
  let error = 0
  for (let bin = 0; bin < bins; bin++) {
    const value = whole.low + (bin + 0.5) * width
    const beyond = Math.max(low - value, value - high, 0)
    error += (histogram[bin] as number) * (beyond > 0 ? beyond * beyond : rounding)
  }
  return error
}
