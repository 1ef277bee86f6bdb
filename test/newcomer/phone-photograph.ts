// A photograph as a telephone takes it: 12 megapixels, some megabytes, lying on its side with EXIF's
// word that it must be turned.
import { sharp } from '../../src/imaging/sharp.ts'

const width = 4032
const height = 3024
/** EXIF: turn it by 90 degrees to the right to see it upright. */
const orientation = 6

export async function phonePhotograph(): Promise<Buffer> {
  const scene = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <rect width="100%" height="100%" fill="#7aa7d9"/>
    <rect y="60%" width="100%" height="40%" fill="#4c7a3a"/>
    <circle cx="60%" cy="55%" r="800" fill="#c2622d"/>
  </svg>`
  const grain = await sharp({
    create: {
      width,
      height,
      channels: 3,
      background: 'grey',
      noise: { type: 'gaussian', mean: 128, sigma: 20 },
    },
  })
    .png({ compressionLevel: 0 })
    .toBuffer()
  return await sharp(Buffer.from(scene))
    .flatten()
    .composite([{ input: grain, blend: 'soft-light' }])
    .withMetadata({ orientation })
    .jpeg({ quality: 90 })
    .toBuffer()
}
