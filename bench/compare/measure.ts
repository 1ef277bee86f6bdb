// One measurement of one contender: woken up, loaded, weighed, put back to sleep.
import type { Running } from './contenders.ts'
import type { LoadFigure, Target } from './load.ts'
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

/** No queue that a load leaves behind takes longer. */
const drainLimitMs = 60_000

/**
 * Waits until a request is answered that came after all others. Servers that go on computing what
 * nobody waits for any more would otherwise do so in their next measurement.
 */
async function drained({ origin, path, headers, bodies }: Target): Promise<void> {
  const body = bodies[0] as Uint8Array<ArrayBuffer>
  const signal = AbortSignal.timeout(drainLimitMs)
  const answer = await fetch(origin + path, { method: 'POST', headers, body, signal }).catch(
    () => null,
  )
  await answer?.arrayBuffer().catch(() => {})
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
  const bytes = memoryBytes(processTree(running.pid))
  await drained(running.target)
  return { load, ...figure, cores, memoryBytes: bytes }
}

/**
 * Deep queues take longer to fill than shallow ones: what waits may be decoded already, which costs
 * the first seconds some of their throughput.
 */
export function settleMsOf(load: number, windowMs: number): number {
  return Math.min(2 * windowMs, 500 + 12 * load)
}
