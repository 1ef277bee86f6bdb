// No session process outlives the service, however the service ended: when its end of the pipe
// closes the process exits, and where the main thread is stuck in native code a thread kills it.
// (A process that is stopped altogether runs no thread; the kernel ends that one: launch.ts.)
import type { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'

/** Signals that a terminal or an init system sends to the whole group: the service decides. */
const groupSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Leaves the end of this process to the service. */
export function ignoreGroupSignals(): void {
  for (const signal of groupSignals) process.on(signal, () => {})
}

/** Ends this process when the service, `parentPid`, lets go of `socket` or dies. */
export function tieToParent(parentPid: number, socket: Socket): void {
  // Any of the three may be the only one to come: an orderly end, a reset, a failed write.
  for (const event of ['end', 'error', 'close'] as const) socket.on(event, () => process.exit(0))
  const watch = new Worker(new URL('./parent-watch.js', import.meta.url), {
    workerData: { parentPid },
    // The thread needs next to nothing; V8's defaults would reserve for a program.
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
  })
  watch.unref()
  // Without the thread the pipe still ends the process in all but the rarest case.
  watch.on('error', (error) => process.stderr.write(`parent watch ended: ${error.message}\n`))
}
