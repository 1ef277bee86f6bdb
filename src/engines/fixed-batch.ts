// For graphs that take exactly so many images: any number of crops as batches of that size, and their scores
// in one piece again.

/**
 * Batches of `batchBytes` each, the last filled up with zeros: black pixels, or 0 as a float. All are
 * the same memory: one is to be done with before the next is asked for.
 * @param pixels the bytes of any number of crops
 */
export function* fixedBatches(pixels: Uint8Array, batchBytes: number): Generator<Uint8Array, void> {
  const batch = new Uint8Array(batchBytes)
  for (let at = 0; at < pixels.length; at += batchBytes) {
    batch.fill(0).set(pixels.subarray(at, at + batchBytes))
    yield batch
  }
}

/**
 * @param batches float32 [size, classes] each
 * @param count how many crops there were before the last batch was filled up
 * @returns float32 [count, classes]
 */
export function joinScores(
  batches: readonly Float32Array[],
  { size, count }: { readonly size: number; readonly count: number },
): Float32Array {
  const length = batches[0]?.length ?? 0
  const scores = new Float32Array((count * length) / size)
  batches.forEach((batch, index) => {
    const at = index * length
    scores.set(batch.subarray(0, scores.length - at), at)
  })
  return scores
}
