// How long one crop of a JPEG takes: ours, Pillow's and sharp's quickest, turn and turn about, so
// that whatever else the machine does meets all three.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { markdownTable, median, shown } from '../../../bench/support/statistics.ts'
import type { Imaging } from '../../../src/imaging/imaging.ts'
import { sharp } from '../../../src/imaging/sharp.ts'
import { imagenetCrop } from '../../support/recipes.ts'
import { type Difference, difference } from './compare.ts'
import { python, script } from './python.ts'

export interface Times {
  readonly what: string
  readonly rounds: number
  /** Medians, milliseconds. */
  readonly oursMs: number
  readonly pillowMs: number
  readonly sharpMs: number
  /** Medians of what each round's times are as parts of ours. */
  readonly pillowOfOurs: number
  readonly sharpOfOurs: number
  /** What sharp's quickest way leaves of exactness. */
  readonly sharpDifference: Difference
}

const warmUps = 3

export async function measureTimes(imaging: Imaging, folder: string): Promise<Times[]> {
  const pillow = startPillow()
  const subjects = [
    { what: '500 x 375 JPEG', file: join(folder, 'small.jpg'), rounds: 40 },
    { what: '4000 x 3000 JPEG (12 MP)', file: join(folder, 'large.jpg'), rounds: 9 },
  ]
  try {
    const times: Times[] = []
    for (const subject of subjects) times.push(await measure(imaging, pillow, subject))
    return times
  } finally {
    pillow.end()
  }
}

export function describeTimes(times: readonly Times[]): string {
  const rows = times.map((time) => [
    time.what,
    `${time.rounds}`,
    shown(time.oursMs),
    shown(time.pillowMs),
    shown(time.sharpMs),
    shown(time.pillowOfOurs),
    shown(time.sharpOfOurs),
    time.sharpDifference.mean.toFixed(2),
    `${time.sharpDifference.largest}`,
  ])
  const medians = ['ours, ms', 'Pillow, ms', "sharp's quickest, ms"]
  const ratios = ['Pillow / ours', "sharp's quickest / ours"]
  const head = ['file', 'rounds', ...medians, ...ratios, "sharp's quickest: mean", 'largest']
  return markdownTable([head, ...rows])
}

interface Subject {
  readonly what: string
  readonly file: string
  readonly rounds: number
}

async function measure(imaging: Imaging, pillow: Pillow, subject: Subject): Promise<Times> {
  const { what, file, rounds } = subject
  const bytes = readFileSync(file)
  const ours = () => imaging.decode(new Uint8Array(bytes), [imagenetCrop])
  const times: { ours: number; pillow: number; sharp: number }[] = []
  for (let round = -warmUps; round < rounds; round++) {
    const oursMs = await timed(ours)
    const pillowMs = await pillow.crop(file)
    const sharpMs = await timed(() => quickest(bytes))
    if (round >= 0) times.push({ ours: oursMs, pillow: pillowMs, sharp: sharpMs })
  }
  const { crops } = await ours()
  return {
    what,
    rounds,
    oursMs: median(times.map((time) => time.ours)),
    pillowMs: median(times.map((time) => time.pillow)),
    sharpMs: median(times.map((time) => time.sharp)),
    pillowOfOurs: median(times.map((time) => time.pillow / time.ours)),
    sharpOfOurs: median(times.map((time) => time.sharp / time.ours)),
    sharpDifference: difference(await quickest(bytes), crops[0] as Uint8Array),
  }
}

/** libjpeg decodes at a half, a quarter or an eighth, and libvips interpolates what is left. */
async function quickest(bytes: Uint8Array): Promise<Uint8Array> {
  return sharp(bytes)
    .resize({ width: 256, height: 256, fit: 'outside', kernel: 'linear', fastShrinkOnLoad: true })
    .extract({ left: 58, top: 16, width: 224, height: 224 })
    .raw()
    .toBuffer()
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

interface Pillow {
  /** Milliseconds that Pillow took, without starting Python and reading the file. */
  crop(file: string): Promise<number>
  end(): void
}

function startPillow(): Pillow {
  const child = spawn(python, [script, 'time'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async crop(file) {
      child.stdin.write(`${JSON.stringify({ file, recipe: imagenetCrop })}\n`)
      return Number((await lines.next()).value)
    },
    end: () => child.stdin.end(),
  }
}
