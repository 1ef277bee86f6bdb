// What only a run can tell of a model: whether its scores are probabilities already (a graph may hide its
// softmax in a function, or spell it in three operators), and whether images that run together change each other's.
import type { ModelDescription } from './engine.ts'

type Kind = ModelDescription['output']['kind']

/** Runs `count` crops, uint8 [count, height, width, 3]; answers float32 [count, classes]. */
export type Run = (crops: Uint8Array, count: number) => Float32Array | Promise<Float32Array>

/** Sums of a thousand float32 probabilities stray from 1 by less than this; bf16 ones by less than twenty times as much. */
const sumTolerance = 0.02
/** What rounding adds to a probability of 1. */
const boundTolerance = 1e-3

/**
 * Crops that differ as much as crops can, uint8 [height, width, 3] each: what holds for the scores of all of
 * them is no accident.
 */
export function trialCrops(cropBytes: number): Uint8Array[] {
  return [
    new Uint8Array(cropBytes).fill(128),
    Uint8Array.from({ length: cropBytes }, (_, at) => (at * 7 + (at % 3) * 60) % 256),
    new Uint8Array(cropBytes),
    new Uint8Array(cropBytes).fill(255),
  ]
}

export async function findScoreKind(cropBytes: number, run: Run): Promise<Kind> {
  const scores: Float32Array[] = []
  for (const crop of trialCrops(cropBytes)) scores.push(await run(crop, 1))
  return kindOf(scores)
}

/**
 * Probabilities add up to 1, or are each between 0 and 1 where several classes may be right (a sigmoid
 * each): of no crop a score that is less or more.
 * @param scores of each of `trialCrops`, float32 [classes]
 */
export function kindOf(scores: readonly Float32Array[]): Kind {
  const isDistribution = scores.every(addUp)
  return isDistribution || scores.every(areBounded) ? 'probabilities' : 'logits'
}

function addUp(scores: Float32Array): boolean {
  const sum = scores.reduce((total, score) => total + score, 0)
  return scores.every((score) => score >= 0) && Math.abs(sum - 1) <= sumTolerance
}

function areBounded(scores: Float32Array): boolean {
  return scores.every((score) => score >= 0 && score <= 1 + boundTolerance)
}

/** Of the largest score: kernels for batches of other sizes round otherwise. */
const companyTolerance = 0.01

/**
 * Whether what an image scores depends on the images that run with it, or a model does not run several:
 * a normalisation that was left in training mode, for one.
 */
export async function mixesImages(cropBytes: number, run: Run): Promise<boolean> {
  const [, ...crops] = trialCrops(cropBytes)
  const alone: Float32Array[] = []
  for (const crop of crops) alone.push(await run(crop, 1))
  try {
    const together = await run(Buffer.concat(crops), crops.length)
    return alone.some((scores, index) => {
      const beside = together.subarray(index * scores.length, (index + 1) * scores.length)
      const most = scores.reduce((largest, score) => Math.max(largest, Math.abs(score)), 0)
      return scores.some((score, at) => {
        return Math.abs(score - (beside[at] as number)) > companyTolerance * most
      })
    })
  } catch {
    return true
  }
}
