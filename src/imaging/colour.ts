// Whatever a decoder gives -> RGB, as Pillow's convert('RGB') makes it; transparency on white.

/** Pixels as decoded, row by row: uint8 [pixels, channels]. */
export interface Raster {
  readonly data: Uint8Array
  /** 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha or, with `cmyk`, four inks (255 is full ink). */
  readonly channels: number
  readonly cmyk: boolean
}

/** uint8 [pixels, 3] */
export function toRgb({ data, channels, cmyk }: Raster): Uint8Array {
  if (channels === 3) return data
  if (channels === 4) return cmyk ? cmykToRgb(data) : rgbaOnWhite(data)
  return greyToRgb(data, channels)
}

/** Pillow's formula (Convert.c, cmyk2rgb): no ink profile, since Pillow applies none. */
function cmykToRgb(data: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((data.length / 4) * 3)
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    const light = 255 - (data[from + 3] as number)
    rgb[to] = light - divideBy255((data[from] as number) * light)
    rgb[to + 1] = light - divideBy255((data[from + 1] as number) * light)
    rgb[to + 2] = light - divideBy255((data[from + 2] as number) * light)
  }
  return rgb
}

function rgbaOnWhite(data: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((data.length / 4) * 3)
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    const alpha = data[from + 3] as number
    rgb[to] = onWhite(data[from] as number, alpha)
    rgb[to + 1] = onWhite(data[from + 1] as number, alpha)
    rgb[to + 2] = onWhite(data[from + 2] as number, alpha)
  }
  return rgb
}

function greyToRgb(data: Uint8Array, channels: number): Uint8Array {
  const rgb = new Uint8Array((data.length / channels) * 3)
  for (let from = 0, to = 0; from < data.length; from += channels, to += 3) {
    const grey = data[from] as number
    rgb.fill(channels === 2 ? onWhite(grey, data[from + 1] as number) : grey, to, to + 3)
  }
  return rgb
}

/** What Pillow's `paste` with a mask leaves of a colour on a white canvas. */
function onWhite(colour: number, alpha: number): number {
  return divideBy255(colour * alpha + 255 * (255 - alpha))
}

/** value / 255, rounded, for 0 <= value <= 255 * 255. */
function divideBy255(value: number): number {
  const rounded = value + 128
  return ((rounded >> 8) + rounded) >> 8
}
