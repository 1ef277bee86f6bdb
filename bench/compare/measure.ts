// One measurement of one contender: woken up, loaded, weighed, put back to sleep.
import { median } from '../support/statistics.ts'
import type { Running } from './contenders.ts'
import type { LoadFigure } from './load.ts'
import { cpuSeconds, memoryBytes, processTree, signalTree } from './process-tree.ts'
import type { Point } from './results.ts'

/** Runs `act` while the process tree is awake; it sleeps before and after. */
export async function awake<Value>(pid: number, act: () => Promise<Value>): Promise<Value> {
  signalTree(pid, 'SIGCONT')
  try {
    return await act()
  } finally {
    signalTree(pid, 'SIGSTOP')
  }
}

export async function measurePoint(
  running: Running,
  load: number,
  drive: () => Promise<LoadFigure>,
): Promise<Point> {
  const pids = processTree(running.pid)
  const before = cpuSeconds(pids)
  const startedAt = performance.now()
  const figure = await drive()
  const seconds = (performance.now() - startedAt) / 1000
  const cores = (cpuSeconds(pids) - before) / seconds
  return { load, ...figure, cores, memoryBytes: memoryBytes(processTree(running.pid)) }
}

/** Deep queues take longer to fill than shallow ones. */
export function settleMsOf(load: number, windowMs: number): number {
  return Math.min(windowMs, 500 + 12 * load)
}

/** One point a load: the median of its rounds, figure by figure. */
export function mergeRounds(points: readonly Point[], loads: readonly number[]): Point[] {
  return loads.map((load) => {
    const rounds = points.filter((point) => point.load === load)
    const keys = Object.keys(rounds[0] ?? {}) as (keyof Point)[]
    const merged = keys.map((key) => [key, median(rounds.map((point) => point[key]))])
    return Object.fromEntries(merged) as Point
  })
}
