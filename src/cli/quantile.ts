// The time within which a share of requests was answered.

/** @param timesMs ascending; of none it is NaN @param share 0…1, e.g. 0.99 */
export function quantile(timesMs: readonly number[], share: number): number {
  return timesMs[Math.min(timesMs.length - 1, Math.floor(timesMs.length * share))] ?? Number.NaN
}
