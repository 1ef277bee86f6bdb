// Spreads images over decoding threads, at most one a thread; the others wait here in order. They
// wait here and not in piscina, because piscina ends a thread to abort what runs on it.
import { Piscina } from 'piscina'
import { ServiceError } from '../errors.ts'
import type { DecodeJob } from './decode.ts'
import { createDecodeHere } from './decode-here.ts'
import { sniffFormat } from './format.ts'
import type {
  CropRecipe,
  DecodedImage,
  DecodeOptions,
  ImageFormat,
  Imaging,
  ImagingOptions,
} from './imaging.ts'
import { openDecoders } from './libvips.ts'
import { createMemoryBudget } from './memory-budget.ts'
import { noBytes, unsupported } from './refusals.ts'
import { createSlots } from './slots.ts'
import { tameMalloc } from './tame-malloc.ts'
import type { Answer } from './worker.ts'

/** How much one more image moves the average: about the last 20 count. */
const weight = 0.1

/** Room for one of the dearest images at the default limit of 50 million pixels. */
const defaultMaxDecodeBytes = 320 * 1024 * 1024

/** Pixels lie outside the heap of a thread; V8's default (48) is for programs that make much garbage. */
const maxYoungGenerationSizeMb = 4

/** Decoding threads, started at once; `close` ends them. */
export function createImaging({
  threads,
  maxPixels,
  maxDecodeBytes = defaultMaxDecodeBytes,
  formats,
}: ImagingOptions): Imaging {
  tameMalloc() // before there are threads
  openDecoders(formats)
  const slots = createSlots(threads)
  const pool = new Piscina({
    filename: new URL('./worker.js', import.meta.url).href,
    name: 'run',
    minThreads: threads,
    maxThreads: threads,
    // A thread takes its next image only when the last is done: the bound on memory.
    concurrentTasksPerWorker: 1,
    resourceLimits: { maxYoungGenerationSizeMb },
  })

  const memory = createMemoryBudget(maxDecodeBytes, maxPixels)
  const decodeHere = createDecodeHere()
  let meanMs = 0

  async function decode(
    bytes: Uint8Array,
    recipes: readonly CropRecipe[],
    { owner = '', signal, isAlone = false }: DecodeOptions = {},
  ): Promise<DecodedImage> {
    const format = accept(bytes, formats)
    const release = await slots.take(owner, signal)
    try {
      const job = { bytes, format, recipes, maxPixels, memory }
      const image = await ((isAlone && decodeHere(job)) || runJob(pool, job))
      meanMs += (image.decodeMs - meanMs) * (meanMs === 0 ? 1 : weight)
      return image
    } finally {
      release()
    }
  }

  return {
    decode,
    get waiting() {
      return slots.waiting
    },
    forecastMs: (owner) => (slots.ahead(owner) / threads + 1) * meanMs,
    async close() {
      slots.close(
        new ServiceError('draining', 'The service is shutting down. Try another instance.'),
      )
      await pool.close()
    },
  }
}

/** @throws ServiceError image_missing, unsupported_image_format */
function accept(bytes: Uint8Array, formats: readonly ImageFormat[]): ImageFormat {
  if (bytes.length === 0) throw noBytes()
  const found = sniffFormat(bytes)
  const format = formats.find((format) => format === found)
  if (format === undefined) throw unsupported(found, formats)
  return format
}

/** Bytes that own their memory; a view into a larger buffer is copied, since others use the rest. */
function movable(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes
  return buffer instanceof ArrayBuffer && bytes.byteLength === buffer.byteLength
    ? new Uint8Array(buffer)
    : new Uint8Array(bytes)
}

async function runJob(pool: Piscina, given: DecodeJob): Promise<DecodedImage> {
  const bytes = movable(given.bytes)
  const job: DecodeJob = { ...given, bytes }
  const answer: Answer = await pool.run(job, { transferList: [bytes.buffer] })
  if (answer.ok) return answer.image
  throw new ServiceError(answer.code, answer.message, { cause: answer.cause })
}
