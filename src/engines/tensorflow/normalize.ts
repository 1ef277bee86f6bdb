// uint8 pixels to the floats that a model expects, by table: a channel has only 256 values.
import type { Normalization } from '../engine.ts'

const channels = 3
const pixelValues = 256

/**
 * A function that writes `(pixel * rescale - mean) / std`, a channel at a time, into an array that
 * it keeps: what it returned is overwritten by its next call.
 * @returns takes uint8 [n, height, width, 3], gives float32 of the same shape
 */
export function createNormalizer(
  normalization: Normalization,
): (pixels: Uint8Array) => Float32Array {
  const [red, green, blue] = [0, 1, 2].map((channel) => tableOf(normalization, channel)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ]
  let kept = new Float32Array(0)
  return (pixels) => {
    if (kept.length < pixels.length) kept = new Float32Array(pixels.length)
    const floats = kept.subarray(0, pixels.length)
    for (let at = 0; at < pixels.length; at += channels) {
      floats[at] = red[pixels[at] as number] as number
      floats[at + 1] = green[pixels[at + 1] as number] as number
      floats[at + 2] = blue[pixels[at + 2] as number] as number
    }
    return floats
  }
}

function tableOf({ rescale, mean, std }: Normalization, channel: number): Float32Array {
  const [shift = 0, scale = 1] = [mean[channel], std[channel]]
  return Float32Array.from({ length: pixelValues }, (_, pixel) => (pixel * rescale - shift) / scale)
}
