// How many of those that wait a batch takes, where more together gain little.

export interface BatchSizes {
  /** Items that run together while few wait: as fast an item as more, and none waits for a large batch. */
  readonly small: number
  readonly max: number
}

/** Small batches this many times over are a long queue, which full batches work off fastest. */
const longQueue = 4

/**
 * The size of the batch that is formed now. A larger one would be done later as a whole, and whoever comes
 * meanwhile would wait for all of it.
 * @param waiting items; of none it is none
 */
export function sizeForQueue(waiting: number, { small, max }: BatchSizes): number {
  if (small >= max || waiting >= longQueue * small) return max
  const batches = Math.max(1, Math.ceil(waiting / small))
  return Math.ceil(waiting / batches) // five are three and two, not four and one
}
