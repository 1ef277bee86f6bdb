// How much of each pixel goes into each pixel of a resized image, by TensorFlow's three ways
// (tensorflow/core/kernels/image: resize_bicubic_op.cc, resize_area_op.cc, scale_and_translate_op.cc).

/** One axis: `rows` is [wanted, given], row by row. */
export interface AxisWeights {
  readonly wanted: number
  readonly given: number
  readonly rows: Float32Array
}

interface Kernel {
  readonly radius: number
  /** @param x the distance, not negative */
  weigh(x: number): number
}

const lanczos = (radius: number): Kernel => ({
  radius,
  weigh(x) {
    if (x > radius) return 0
    if (x <= 1e-3) return 1
    const angle = Math.PI * x
    return (radius * Math.sin(angle) * Math.sin(angle / radius)) / (angle * angle)
  },
})

/** By the operator's attribute `kernel_type`. */
export const kernels: Readonly<Record<string, Kernel>> = {
  lanczos1: lanczos(1),
  lanczos3: lanczos(3),
  lanczos5: lanczos(5),
  gaussian: { radius: 1.5, weigh: (x) => (x >= 1.5 ? 0 : Math.exp(-(x * x) / (2 * 0.5 * 0.5))) },
  box: { radius: 0.5, weigh: (x) => (x < 0.5 ? 1 : x === 0.5 ? 0.5 : 0) },
  triangle: { radius: 1, weigh: (x) => Math.max(1 - x, 0) },
  keyscubic: {
    radius: 2,
    weigh(x) {
      if (x >= 2) return 0
      return x >= 1 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : (1.5 * x - 2.5) * x * x + 1
    },
  },
  mitchellcubic: {
    radius: 2,
    weigh(x) {
      if (x >= 2) return 0
      if (x >= 1) return (((-7 / 18) * x + 2) * x - 10 / 3) * x + 16 / 9
      return ((7 / 6) * x - 2) * x * x + 8 / 9
    },
  },
}

/** Sums that are practically nothing are not divided by, as in TensorFlow: 1000 smallest float32s. */
const leastSum = 1000 * 1.17549435e-38

function normalize(row: Float32Array): void {
  const sum = row.reduce((total, weight) => total + weight, 0)
  if (Math.abs(sum) < leastSum) return
  for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) / sum
}

/** ScaleAndTranslate: with `antialias` the kernel widens as the image shrinks. */
export function scaledWeights(
  { wanted, given }: Pick<AxisWeights, 'wanted' | 'given'>,
  kernel: Kernel,
  { scale, translation, antialias }: { scale: number; translation: number; antialias: boolean },
): AxisWeights {
  // In float32, as TensorFlow has it: a pixel on the edge of a box counts half.
  const inverse = Math.fround(1 / scale)
  const shift = Math.fround(-inverse * translation)
  const width = antialias ? Math.max(inverse, 1) : 1
  const reach = kernel.radius * width
  const rows = new Float32Array(wanted * given)
  for (let i = 0; i < wanted; i++) {
    const centre = Math.fround(Math.fround((i + 0.5) * inverse) + shift)
    if (centre < 0 || centre > given) continue
    const first = Math.max(Math.ceil(centre - reach - 0.5), 0)
    const last = Math.min(Math.floor(centre + reach - 0.5), given - 1)
    const row = rows.subarray(i * given, (i + 1) * given)
    for (let at = first; at <= last; at++) {
      row[at] = kernel.weigh(Math.abs(at + 0.5 - centre) / width)
    }
    normalize(row)
  }
  return { wanted, given, rows }
}

/** Distances are rounded to this part of a pixel: TensorFlow looks its weights up in a table. */
const cubicSteps = 1024

/** ResizeBicubic: `scale` is given pixels a wanted one. */
export function cubicWeights(
  { wanted, given }: Pick<AxisWeights, 'wanted' | 'given'>,
  { scale, halfPixel }: { scale: number; halfPixel: boolean },
): AxisWeights {
  const a = halfPixel ? -0.5 : -0.75
  const near = (x: number) => ((a + 2) * x - (a + 3)) * x * x + 1
  const far = (x: number) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
  const rows = new Float32Array(wanted * given)
  for (let i = 0; i < wanted; i++) {
    const place = halfPixel ? (i + 0.5) * scale - 0.5 : i * scale
    const base = Math.floor(place)
    const step = Math.round((place - base) * cubicSteps) / cubicSteps
    const weights = [far(step + 1), near(step), near(1 - step), far(2 - step)]
    const row = rows.subarray(i * given, (i + 1) * given)
    weights.forEach((weight, k) => {
      const at = base - 1 + k
      const inside = Math.min(Math.max(at, 0), given - 1)
      // The newer form leaves pixels outside out, the older one repeats the edge for them.
      if (at === inside || !halfPixel) row[inside] = (row[inside] as number) + weight
    })
    if (halfPixel) normalize(row)
  }
  return { wanted, given, rows }
}

/** ResizeArea: the mean of what a pixel covers, which is the only one where there is one. */
export function areaWeights(
  { wanted, given }: Pick<AxisWeights, 'wanted' | 'given'>,
  scale: number,
): AxisWeights {
  // With its corners aligned a single pixel would be scaled by 0.
  if (given === 1) return { wanted, given, rows: new Float32Array(wanted).fill(1) }
  const rows = new Float32Array(wanted * given)
  for (let i = 0; i < wanted; i++) {
    const [from, to] = [i * scale, (i + 1) * scale]
    for (let at = Math.floor(from); at < Math.ceil(to); at++) {
      const covered = Math.min(at + 1, to) - Math.max(at, from)
      const index = i * given + Math.min(Math.max(at, 0), given - 1)
      rows[index] = (rows[index] as number) + covered / scale
    }
  }
  return { wanted, given, rows }
}
