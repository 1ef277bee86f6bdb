// JPEGs to measure with, where there are no photographs.
import { sharp } from './sharp.ts'

/** What most photographs of ImageNet measure. */
const size = { width: 500, height: 375 }
/** How rough the noise is: files of different lengths. */
const sigmas = [20, 40, 60, 80]

/** Smooth noise: it compresses to about as much as a photograph. */
export function madePhotographs(): Promise<readonly Uint8Array[]> {
  return Promise.all(
    sigmas.map((sigma) =>
      sharp({
        create: {
          ...size,
          channels: 3,
          background: '#888888',
          noise: { type: 'gaussian', mean: 128, sigma },
        },
      })
        .blur(1.5)
        .jpeg({ quality: 90 })
        .toBuffer(),
    ),
  )
}
