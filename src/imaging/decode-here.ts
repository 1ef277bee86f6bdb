// One small photograph, when nobody else waits: decoded without handing it to a decoding thread and back,
// for which idle cores would have to be woken twice. libvips works on a thread of libuv's even so; what the
// calling thread does is the resize, and of so few pixels it is done before another request is read.
import type { DecodeJob } from './decode.ts'
import type { DecodedImage } from './imaging.ts'
import { readPlainJpeg } from './jpeg-header.ts'

/** Of the whole image, 800 x 600 and some more; a larger one gains little and holds the thread up. */
const maxPixelsHere = 2 ** 19
/** Hashing them holds the thread up too. */
const maxBytesHere = 2 ** 20

/** `undefined` where a decoding thread should have it. */
export type DecodeHere = (job: DecodeJob) => Promise<DecodedImage> | undefined

/** Ready a moment later: loading takes longer than an image. */
export function createDecodeHere(): DecodeHere {
  let decode: ((job: DecodeJob) => Promise<DecodedImage>) | undefined
  import('./decode.ts').then(
    (loaded) => {
      decode = loaded.decode
    },
    () => {}, // no memory for a resize on this thread: decoding threads have their own, or say so
  )
  return (job) => (isSmall(job) ? decode?.(job) : undefined)
}

/** Only by a header that costs nothing to read: libvips would be asked by the decoding thread again. */
function isSmall({ bytes, format }: DecodeJob): boolean {
  if (format !== 'jpeg' || bytes.length > maxBytesHere) return false
  const plain = readPlainJpeg(bytes)
  return plain !== null && !plain.progressive && plain.width * plain.height <= maxPixelsHere
}
