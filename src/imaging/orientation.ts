// EXIF orientation (https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf, tag 274): how the pixels
// of a file lie, so that they can be read upright in place instead of being turned first.
import { type Raster, rgbConverter } from './colour.ts'
import type { Box, Size } from './geometry.ts'
import type { Rows } from './resample.ts'

interface Turn {
  /** Rows of the file are columns of the upright image. */
  readonly swapsAxes: boolean
  /** The upright image's left (top) is the file's right or bottom. */
  readonly flipsAcross: boolean
  readonly flipsDown: boolean
}

/** By the tag's value; 1 is upright. */
const turns: readonly Turn[] = [
  { swapsAxes: false, flipsAcross: false, flipsDown: false },
  { swapsAxes: false, flipsAcross: true, flipsDown: false },
  { swapsAxes: false, flipsAcross: true, flipsDown: true },
  { swapsAxes: false, flipsAcross: false, flipsDown: true },
  { swapsAxes: true, flipsAcross: false, flipsDown: false },
  { swapsAxes: true, flipsAcross: true, flipsDown: false },
  { swapsAxes: true, flipsAcross: true, flipsDown: true },
  { swapsAxes: true, flipsAcross: false, flipsDown: true },
]

function turnOf(orientation: number): Turn {
  return turns[orientation - 1] ?? (turns[0] as Turn)
}

export function uprightSize(stored: Size, orientation: number): Size {
  return turnOf(orientation).swapsAxes
    ? { width: stored.height, height: stored.width }
    : { width: stored.width, height: stored.height }
}

/** The rectangle of the stored image that holds `box` of the upright one. */
export function storedBox(box: Box, upright: Size, orientation: number): Box {
  const turn = turnOf(orientation)
  const left = turn.flipsAcross ? upright.width - box.left - box.width : box.left
  const top = turn.flipsDown ? upright.height - box.top - box.height : box.top
  return turn.swapsAxes
    ? { left: top, top: left, width: box.height, height: box.width }
    : { left, top, width: box.width, height: box.height }
}

/** A raster's rows as the upright image has them, in RGB. */
export function uprightRows(raster: Raster, orientation: number): Rows {
  const turn = turnOf(orientation)
  const { data, width, channels } = raster
  const rowBytes = width * channels
  const upright = uprightSize(raster, orientation)
  const across = turn.swapsAxes ? rowBytes : channels
  const down = turn.swapsAxes ? channels : rowBytes
  const start = turn.flipsAcross ? (upright.width - 1) * across : 0
  const step = turn.flipsAcross ? -across : across
  const convert = rgbConverter(raster)
  return {
    width: upright.width,
    read(y, into) {
      const row = turn.flipsDown ? upright.height - 1 - y : y
      convert({ data, offset: start + row * down, step }, into)
    },
  }
}
