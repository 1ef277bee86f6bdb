// What all decoding threads together may hold in pixels. The largest image that is allowed takes
// 200 to 450 MB while it is decoded: as many of them at once as there are threads would take
// gigabytes, so dear images wait for each other. Threads wait without a word to the main thread.
import { collectGarbage } from './collect-garbage.ts'
import type { ImageFormat } from './imaging.ts'
import type { Header } from './libvips.ts'
import { trimMalloc } from './tame-malloc.ts'

export interface MemoryBudget {
  /** Shared by the threads: KiB in use. */
  readonly used: Int32Array
  readonly maxBytes: number
  /** One image never takes more. */
  readonly maxAloneBytes: number
}

/**
 * Bytes a pixel that decoding takes at its peak, measured on images of 49 million pixels (see
 * docs/reliability.md).
 */
const bytesPerPixel: Readonly<Record<ImageFormat, number>> = {
  jpeg: 3,
  png: 6,
  webp: 9,
  gif: 8,
  avif: 19,
  tiff: 9,
}
/** All coefficients of a progressive JPEG are there before the first pixel is. */
const progressiveBytesPerPixel = 9.3
/** Four inks in place of three colours. */
const cmykShare = 4 / 3
/** Cheaper images (of a few million pixels) do not count: they never wait for dear ones. */
const freeBytes = 32 * 1024 * 1024
const bytesPerUnit = 1024

/**
 * @param maxBytes what images may hold together; one of up to `maxPixels` may take more than that
 *   when it is alone, but no more than the dearest common kind, a progressive JPEG
 */
export function createMemoryBudget(maxBytes: number, maxPixels: number): MemoryBudget {
  const used = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  return { used, maxBytes, maxAloneBytes: Math.max(maxBytes, progressiveBytesPerPixel * maxPixels) }
}

/** Bytes that decoding takes at its peak. */
export function decodeCost(format: ImageFormat, header: Header): number {
  const { width, height, progressive, cmyk } = header
  const isSlow = format === 'jpeg' && progressive
  const each = isSlow ? progressiveBytesPerPixel : bytesPerPixel[format]
  return width * height * each * (cmyk ? cmykShare : 1)
}

/**
 * Runs `work` once `costBytes` fit beside what others hold; an image alone always fits. What it
 * leaves behind is freed before its memory counts as given back. Blocks the thread while it waits.
 */
export async function withinMemory<Value>(
  budget: MemoryBudget,
  costBytes: number,
  work: () => Promise<Value>,
): Promise<Value> {
  if (costBytes <= freeBytes) return await work()
  const cost = Math.ceil(costBytes / bytesPerUnit)
  take(budget, cost)
  try {
    await collectGarbage() // what images before it left on this thread, however cheap they were
    return await work()
  } finally {
    await collectGarbage()
    trimMalloc()
    Atomics.sub(budget.used, 0, cost)
    Atomics.notify(budget.used, 0)
  }
}

function take({ used, maxBytes }: MemoryBudget, cost: number): void {
  const max = Math.floor(maxBytes / bytesPerUnit)
  for (;;) {
    const before = Atomics.load(used, 0)
    if (before > 0 && before + cost > max) Atomics.wait(used, 0, before)
    else if (Atomics.compareExchange(used, 0, before, before + cost) === before) return
  }
}
