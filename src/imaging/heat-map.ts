// Draws a small map of numbers as a picture: the higher a number, the hotter and the less
// transparent. Below zero nothing is shown: those places speak against the class.

import type { Size } from './geometry.ts'
import { sharp } from './sharp.ts'

export interface HeatMap {
  readonly map: Size & {
    /** float32 [height, width] */
    readonly values: Float32Array
  }
  /** Of the picture. */
  readonly size: Size
  /** uint8 [height, width, 3] to draw on; absent, the picture is transparent where it is cold. */
  readonly under: Uint8Array | undefined
}

/** @returns a PNG */
export type DrawHeatMap = (heatMap: HeatMap) => Promise<Uint8Array>

const white = 255
/** The hottest place still lets the image through. */
const opacity = 0.7

export const drawHeatMap: DrawHeatMap = async ({ map, size, under }) => {
  const heat = await enlarge(map, size) // uint8 [height, width]
  const colours = Buffer.alloc(heat.length * 4)
  for (const [at, value] of heat.entries()) colours.set(colourOf(value / white), at * 4)
  const raw = { width: size.width, height: size.height }
  const drawn = sharp(colours, { raw: { ...raw, channels: 4 } })
  if (under === undefined) return drawn.png().toBuffer()
  return sharp(under, { raw: { ...raw, channels: 3 } })
    .composite([{ input: await drawn.png().toBuffer() }])
    .png()
    .toBuffer()
}

/** The map scaled to 0…255 and, smoothly, to `size`. */
async function enlarge({ values, width, height }: HeatMap['map'], size: Size): Promise<Uint8Array> {
  const largest = values.reduce((most, value) => Math.max(most, value), 0)
  const scale = largest > 0 ? white / largest : 0
  const bytes = Uint8Array.from(values, (value) => Math.max(0, value) * scale)
  return await sharp(bytes, { raw: { width, height, channels: 1 } })
    .resize({ ...size, fit: 'fill', kernel: 'cubic' })
    .toColourspace('b-w')
    .raw()
    .toBuffer()
}

/** From blue over green and yellow to red; RGBA of 0…255. @param heat 0…1 */
function colourOf(heat: number): readonly [number, number, number, number] {
  const ramp = (centre: number) =>
    white * Math.min(1, Math.max(0, 1.5 - Math.abs(4 * heat - centre)))
  return [ramp(3), ramp(2), ramp(1), white * opacity * Math.min(1, heat * 1.5)]
}
