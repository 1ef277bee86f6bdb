// One image from bytes to crops, in reading order: header, limits, the part that is needed, pixels,
// crops.
import { createHash } from 'node:crypto'
import { cutCrop, prepareCrop, unite } from './crop.ts'
import type { Size } from './geometry.ts'
import type { CropRecipe, DecodedImage, ImageFormat } from './imaging.ts'
import { readHeader, readPixels } from './libvips.ts'
import { decodeCost, type MemoryBudget, withinMemory } from './memory-budget.ts'
import { storedBox, uprightRows, uprightSize } from './orientation.ts'
import { tooDear, tooLarge, tooLongSide, undecodable } from './refusals.ts'

export interface DecodeJob {
  readonly bytes: Uint8Array
  readonly format: ImageFormat
  readonly recipes: readonly CropRecipe[]
  readonly maxPixels: number
  /** What all threads hold, and may hold. */
  readonly memory: MemoryBudget
}

/**
 * JPEG, WebP and GIF end here by themselves; a PNG of 1 x 50,000,000 is no photograph, and the
 * tables of a resize grow with the longer side.
 */
const maxSide = 65_535

/** @throws ServiceError image_too_large, image_undecodable */
export async function decode({
  bytes,
  format,
  recipes,
  maxPixels,
  memory,
}: DecodeJob): Promise<DecodedImage> {
  const startedAt = performance.now()
  const header = await refusing(format, () => readHeader(bytes))
  checkSize(header, maxPixels)
  const cost = decodeCost(format, header)
  if (cost > memory.maxAloneBytes) throw tooDear(header, cost, memory.maxAloneBytes)
  const upright = uprightSize(header, header.orientation)
  const crops = recipes.map((recipe) => prepareCrop(upright, recipe))
  const part = unite(crops.map((crop) => crop.needs))
  const stored = storedBox(part, upright, header.orientation)
  const cut = async () => {
    const pixels = refusing(format, () => readPixels(bytes, header, stored))
    // Now, while libvips works on a thread of its own.
    const digest = createHash('sha256').update(bytes).digest('base64url')
    const rows = uprightRows(await pixels, header.orientation)
    return { crops: crops.map((crop) => cutCrop(crop, rows, part)), digest }
  }
  return {
    ...(await withinMemory(memory, cost, cut)),
    format,
    ...upright,
    decodeMs: performance.now() - startedAt,
  }
}

/** @throws ServiceError image_too_large */
function checkSize(size: Size, maxPixels: number): void {
  if (size.width * size.height > maxPixels) throw tooLarge(size, maxPixels)
  if (Math.max(size.width, size.height) > maxSide) throw tooLongSide(size, maxSide)
}

/** Turns whatever the library throws into image_undecodable. */
async function refusing<Value>(format: ImageFormat, read: () => Promise<Value>): Promise<Value> {
  try {
    return await read()
  } catch (error) {
    throw undecodable(format, error)
  }
}
