// EXIF orientation (https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf, tag 274): how the pixels
// of a file lie, so that they can be read upright in place instead of being turned first.
import type { Box, Size } from './geometry.ts'
import type { Pixels } from './resample.ts'

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

/** Reads RGB pixels, stored row by row, upright. */
export function uprightPixels(data: Uint8Array, stored: Size, orientation: number): Pixels {
  const turn = turnOf(orientation)
  const rowBytes = stored.width * 3
  const across = turn.swapsAxes ? rowBytes : 3
  const down = turn.swapsAxes ? 3 : rowBytes
  const upright = uprightSize(stored, orientation)
  return {
    data,
    offset:
      (turn.flipsAcross ? (upright.width - 1) * across : 0) +
      (turn.flipsDown ? (upright.height - 1) * down : 0),
    across: turn.flipsAcross ? -across : across,
    down: turn.flipsDown ? -down : down,
  }
}
