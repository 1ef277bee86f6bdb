// What makes a version of a model an int8 one: a file beside its SavedModel that says which values
// each activation takes. Weights need no such file; the graph itself stays as it is.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ModelError, messageOf } from '../../errors.ts'
import type { Ranges } from '../../onnx/quantize.ts'

export const quantizationFile = 'quantization.json'

/** What `models quantize` measured, kept for the operator. */
export interface Agreement {
  readonly images: number
  /** Part of the images whose best class is the same in fp32 and int8. */
  readonly sameTop1: number
  /** Difference of probabilities: over all classes and images, and the largest. */
  readonly meanDifference: number
  readonly largestDifference: number
}

export interface Quantization {
  readonly format: 1
  readonly source: { readonly version: number }
  readonly calibration: { readonly images: number; readonly method: string }
  readonly agreement: { readonly calibration: Agreement; readonly heldOut: Agreement }
  readonly ranges: Ranges
}

/**
 * The quantization of a version, or null where it is none.
 * @throws ModelError corrupt
 */
export async function readQuantization(
  folder: string,
  model: string,
): Promise<Quantization | null> {
  const path = join(folder, quantizationFile)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (text === null) return null
  try {
    const found: Quantization = JSON.parse(text)
    if (found.format === 1 && typeof found.ranges === 'object') return found
    throw new Error(`format ${String(found.format)}; this service knows format 1`)
  } catch (error) {
    const advice = 'make the version again with `models quantize`'
    throw new ModelError('corrupt', `model ${model}: ${path}: ${messageOf(error)}; ${advice}`)
  }
}
