// Whether a model's scores are probabilities already, found by asking it: a graph may hide its
// softmax in a function, or spell it in three operators.
import type { ModelDescription } from './engine.ts'

type Kind = ModelDescription['output']['kind']

/** Sums of a thousand float32 probabilities stray from 1 by less than this; bf16 ones by less than twenty times as much. */
const sumTolerance = 0.02
const grey = 128

/** @param scoresOf runs one crop, uint8 [height, width, 3] */
export async function findScoreKind(
  cropBytes: number,
  scoresOf: (crop: Uint8Array) => Float32Array | Promise<Float32Array>,
): Promise<Kind> {
  // Two pictures that differ: two sums of 1 are no accident.
  const crops = [new Uint8Array(cropBytes).fill(grey), gradient(cropBytes)]
  for (const crop of crops) {
    if (!areProbabilities(await scoresOf(crop))) return 'logits'
  }
  return 'probabilities'
}

function gradient(cropBytes: number): Uint8Array {
  return Uint8Array.from({ length: cropBytes }, (_, at) => (at * 7) % 256)
}

function areProbabilities(scores: Float32Array): boolean {
  const sum = scores.reduce((total, score) => total + score, 0)
  return scores.every((score) => score >= 0) && Math.abs(sum - 1) <= sumTolerance
}
