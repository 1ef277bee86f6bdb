// Resizes pixels exactly as Pillow does (Resample.c, ImagingResampleHorizontal_8bpc and
// ImagingResampleVertical_8bpc): across first, rounded to 8 bits, then down (resize.ts turns that
// round where Pillow does). Only the rows and columns that the kernels name are touched, and no
// intermediate image is kept: each source row is resized across once and added at once to the output
// rows that it belongs to.
import { messageOf, UsageError } from '../errors.ts'
import { resampleWasm } from './generated/resample-wasm.ts'
import { type Kernel, reach } from './kernel.ts'

/** Where a resize takes its pixels from: one row at a time, upright RGB. */
export interface Rows {
  /** Pixels of a row. */
  readonly width: number
  /** Writes row `y` into `into`: uint8 [width, 3]. */
  read(y: number, into: Uint8Array): void
}

export interface Resize {
  readonly source: Rows
  readonly across: Kernel
  readonly down: Kernel
  readonly target: Target
}

/** Where a resize puts its pixels. */
export interface Target {
  readonly data: Uint8Array
  /** Index of the first pixel's red. */
  readonly offset: number
  /** Bytes from a pixel to the one below. */
  readonly down: number
}

/** What simd/resample.ts exports; numbers are addresses in bytes, or counts. */
interface Loops {
  resampleRow(
    row: number,
    starts: number,
    counts: number,
    weights: number,
    stride: number,
    outputs: number,
    line: number,
  ): void
  addRow(line: number, sums: number, bytes: number, weight: number): void
  clearSums(sums: number, count: number): void
  finishRow(sums: number, count: number, line: number): void
}

// Node has WebAssembly, but of TypeScript's libraries only the DOM's declares it.
declare const WebAssembly: {
  readonly Memory: new (pages: {
    initial: number
  }) => { readonly buffer: ArrayBuffer; grow(pages: number): number }
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

const memory = openMemory()
const loops = new WebAssembly.Instance(new WebAssembly.Module(resampleWasm()), {
  env: { memory },
}).exports as Loops

function openMemory() {
  try {
    return new WebAssembly.Memory({ initial: 1 })
  } catch (error) {
    // V8 keeps so many addresses free behind each memory, to find what reaches beyond it.
    throw new UsageError(
      `images cannot be resized here (${messageOf(error)}): every decoding thread needs 10 GiB of addresses, and ulimit -v leaves less; limit memory itself instead, as containers do`,
    )
  }
}

/** Fills `target` with [down outputs, across outputs] RGB pixels. */
export function resample({ source, across, down, target }: Resize): void {
  const columns = across.first.length
  const rows = down.first.length
  if (columns === 0 || rows === 0) return
  const places = layOut(source, across, rows)
  loops.clearSums(places.sums, rows * places.lineBytes)
  const { from, to } = reach(down)
  let firstOpen = 0
  for (let y = from; y < to; y++) {
    while (end(down, firstOpen) <= y) firstOpen++
    if (value(down.first, firstOpen) > y) continue
    source.read(y, places.row)
    const { rowAt, starts, counts, weights, line } = places
    loops.resampleRow(rowAt, starts, counts, weights, across.stride, columns, line)
    for (let row = firstOpen; row < rows && value(down.first, row) <= y; row++) {
      const weight = value(down.weights, row * down.stride + y - value(down.first, row))
      loops.addRow(line, places.sums + row * places.lineBytes * 4, places.lineBytes, weight)
    }
  }
  writeRows(places, rows, columns, target)
}

/** Addresses of one resize in the loops' memory. */
interface Places {
  readonly row: Uint8Array
  readonly rowAt: number
  /** i32 [columns]: byte offset of each output's first pixel */
  readonly starts: number
  readonly counts: number
  readonly weights: number
  /** uint8 [columns, 3], and up to 8 bytes more */
  readonly line: number
  /** Length of a line, rounded up to what the loops step by. */
  readonly lineBytes: number
  /** i32 [rows, lineBytes] */
  readonly sums: number
}

/** The loops take 8 values at a time and may touch as many behind an end. */
const step = 8

function layOut(source: Rows, across: Kernel, rows: number): Places {
  const lineBytes = roundUp(across.first.length * 3, step)
  let size = 0
  const take = (bytes: number) => {
    const at = size
    size = roundUp(at + bytes + step, 2 * step)
    return at
  }
  const rowAt = take(source.width * 3)
  const starts = take(across.first.byteLength)
  const counts = take(across.count.byteLength)
  const weights = take(across.weights.byteLength)
  const line = take(lineBytes)
  const sums = take(rows * lineBytes * 4)
  reserve(size)
  const { buffer } = memory
  new Int32Array(buffer, starts).set(across.first.map((pixel) => pixel * 3))
  new Int32Array(buffer, counts).set(across.count)
  new Int32Array(buffer, weights).set(across.weights)
  const row = new Uint8Array(buffer, rowAt, source.width * 3)
  return { row, rowAt, starts, counts, weights, line, lineBytes, sums }
}

const pageBytes = 65_536

function reserve(bytes: number): void {
  const missing = bytes - memory.buffer.byteLength
  if (missing > 0) memory.grow(Math.ceil(missing / pageBytes))
}

function writeRows(places: Places, rows: number, columns: number, target: Target): void {
  const { line, lineBytes, sums } = places
  const bytes = new Uint8Array(memory.buffer, line, columns * 3)
  for (let row = 0; row < rows; row++) {
    loops.finishRow(sums + row * lineBytes * 4, lineBytes, line)
    target.data.set(bytes, target.offset + row * target.down)
  }
}

function end(kernel: Kernel, output: number): number {
  return value(kernel.first, output) + value(kernel.count, output)
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple
}

function value(values: Int32Array, index: number): number {
  return values[index] as number
}
