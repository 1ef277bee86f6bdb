// Whatever a decoder gives -> RGB, as Pillow's convert('RGB') makes it; transparency on white.

/** Pixels as decoded, row by row: uint8 [height, width, channels]. */
export interface Raster {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
  /** 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha or, with `cmyk`, four inks (255 is full ink). */
  readonly channels: number
  readonly cmyk: boolean
}

/** Pixels along a line through a raster. */
export interface Line {
  readonly data: Uint8Array
  /** Index of the first pixel. */
  readonly offset: number
  /** Bytes from pixel to pixel; negative where the line runs backwards. */
  readonly step: number
}

/** Writes as many RGB pixels as `into` holds. */
export type ToRgb = (line: Line, into: Uint8Array) => void

export function rgbConverter({ channels, cmyk }: Raster): ToRgb {
  if (cmyk) return cmykToRgb
  if (channels === 4) return rgbaOnWhite
  if (channels === 3) return copyRgb
  return channels === 2 ? greyOnWhite : greyToRgb
}

function copyRgb({ data, offset, step }: Line, into: Uint8Array): void {
  if (step === 3) {
    into.set(data.subarray(offset, offset + into.length))
    return
  }
  for (let to = 0, from = offset; to < into.length; to += 3, from += step) {
    into[to] = data[from] as number
    into[to + 1] = data[from + 1] as number
    into[to + 2] = data[from + 2] as number
  }
}

/** Pillow's formula (Convert.c, cmyk2rgb): no ink profile, since Pillow applies none. */
function cmykToRgb({ data, offset, step }: Line, into: Uint8Array): void {
  for (let to = 0, from = offset; to < into.length; to += 3, from += step) {
    const light = 255 - (data[from + 3] as number)
    into[to] = light - divideBy255((data[from] as number) * light)
    into[to + 1] = light - divideBy255((data[from + 1] as number) * light)
    into[to + 2] = light - divideBy255((data[from + 2] as number) * light)
  }
}

function rgbaOnWhite({ data, offset, step }: Line, into: Uint8Array): void {
  for (let to = 0, from = offset; to < into.length; to += 3, from += step) {
    const alpha = data[from + 3] as number
    into[to] = onWhite(data[from] as number, alpha)
    into[to + 1] = onWhite(data[from + 1] as number, alpha)
    into[to + 2] = onWhite(data[from + 2] as number, alpha)
  }
}

function greyToRgb({ data, offset, step }: Line, into: Uint8Array): void {
  for (let to = 0, from = offset; to < into.length; to += 3, from += step) {
    into.fill(data[from] as number, to, to + 3)
  }
}

function greyOnWhite({ data, offset, step }: Line, into: Uint8Array): void {
  for (let to = 0, from = offset; to < into.length; to += 3, from += step) {
    into.fill(onWhite(data[from] as number, data[from + 1] as number), to, to + 3)
  }
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
