// Which of the two passes of a resize comes first. Each pass rounds to 8 bits, so the order shows
// in the pixels: by one or two of 255 at most places, by more where a filter overshoots.
import type { Size } from './geometry.ts'
import { createKernel, type Kernel } from './kernel.ts'
import { type Resize, resample } from './resample.ts'

/**
 * Pillow 13's choice (https://github.com/python-pillow/Pillow/pull/9549; the rule was measured on
 * Pillow 13.0.0 itself): down first where the height loses more than twice what the width loses.
 * Pillow 12 and before always went across first.
 */
export function goesDownFirst(from: Size, to: Size): boolean {
  const lost = from.height - to.height
  return lost > 0 && lost > 2 * (from.width - to.width)
}

/** Output rows that are resized down at once: bounds the sums, which are four bytes a value. */
const bandRows = 16

/** As `resample`, but down first, rounded to 8 bits, then across. */
export function resampleDownFirst({ source, across, down, target }: Resize): void {
  const rows = down.first.length
  const rowBytes = source.width * 3
  const squeezed = new Uint8Array(rows * rowBytes)
  const everyColumn = copyKernel(source.width)
  for (let row = 0; row < rows; row += bandRows) {
    resample({
      source,
      across: everyColumn,
      down: sliceKernel(down, row, row + bandRows),
      target: { data: squeezed, offset: row * rowBytes, down: rowBytes },
    })
  }
  resample({
    source: {
      width: source.width,
      read: (y, into) => into.set(squeezed.subarray(y * rowBytes, (y + 1) * rowBytes)),
    },
    across,
    down: copyKernel(rows),
    target,
  })
}

function copyKernel(count: number): Kernel {
  const axis = { from: count, to: count, span: { first: 0, count, padding: 0 } }
  return createKernel(axis, 'nearest')
}

/** The outputs [from, to) of a kernel. */
function sliceKernel({ first, count, weights, stride }: Kernel, from: number, to: number): Kernel {
  return {
    first: first.subarray(from, to),
    count: count.subarray(from, to),
    weights: weights.subarray(from * stride, to * stride),
    stride,
  }
}
