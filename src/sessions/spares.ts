// Session processes that start while the service itself is still starting: what they are to load is not
// known yet, but Node is up in them by the time it is. At a start two cores would otherwise wait for one.

import { openCropMemory } from './crop-memory.ts'
import { findLeash, launchSession, type SessionProcess } from './launch.ts'

export interface Spares {
  /** One on `device` that lives, which is the caller's from now on; none where they are all taken. */
  take(device: string): SessionProcess | undefined
  /** Ends those that nobody took; none can be taken any more. */
  end(): void
}

/** They are for the CPU: which GPU a process sees is settled when it starts. */
const device = 'cpu'

export async function startSpares(count: number): Promise<Spares> {
  const leash = await findLeash()
  const entry = new URL('./worker.js', import.meta.url)
  const waiting = new Set<SessionProcess>()
  let isOver = false
  for (let i = 0; i < count; i++) {
    const spare = launchSession(
      { entry, device, label: 'spare', cropMemory: openCropMemory() },
      leash,
    )
    waiting.add(spare)
    const forget = () => {
      if (waiting.delete(spare)) spare.cropMemory?.close()
    }
    spare.child.once('exit', forget).once('error', forget)
  }
  return {
    take(wanted) {
      const [spare] = wanted === device && !isOver ? waiting : []
      if (spare === undefined) return undefined
      waiting.delete(spare)
      return { ...spare, wasSpare: true }
    },
    end() {
      isOver = true
      for (const { child } of waiting) child.kill('SIGKILL')
    },
  }
}
