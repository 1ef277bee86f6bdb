// Spans are given times of the clock; the service measures with performance.now().

/** @param at of `performance.now()` */
export function epochMs(at: number): number {
  return performance.timeOrigin + at
}
