// The filters an image can be resized with, as Pillow defines them
// (https://github.com/python-pillow/Pillow/blob/main/src/libImaging/Resample.c).
import type { Interpolation } from './imaging.ts'

export interface Filter {
  /** Distance in (output or input, whichever is coarser) pixels beyond which the weight is 0. */
  readonly support: number
  weight(distance: number): number
}

/** Every interpolation but `nearest`, which weighs nothing. */
export const filters: Readonly<Record<Exclude<Interpolation, 'nearest'>, Filter>> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, weight: hamming },
  bicubic: { support: 2, weight: bicubic },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
}

function hamming(distance: number): number {
  const x = Math.abs(distance)
  return x >= 1 ? 0 : sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x))
}

/** Keys' cubic with a = -0.5, the sharpness Pillow chose (OpenCV takes -0.75). */
function bicubic(distance: number): number {
  const a = -0.5
  const x = Math.abs(distance)
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI)
}
