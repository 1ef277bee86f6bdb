// Lets a session process load beside others that serve without slowing them: while they work it
// is stopped for most of the time. Priorities (nice) would do it more finely, but who lowers his own
// cannot raise it again without privileges, and the session is to serve as the others do.
import type { ChildProcess } from 'node:child_process'

export interface ThrottleOptions {
  /** Whether somebody else is at work right now. */
  readonly isBusy: () => boolean
  /** Resolves when the process may run freely. */
  readonly until: Promise<unknown>
}

/** One slice in so many belongs to the loading process while others work. */
const slices = 5
/** Shorter ones would be lost in the timer's own coarseness. */
const sliceMs = 4

/** On Windows processes cannot be stopped and continued: there it loads at full speed. */
export function throttle(child: ChildProcess, { isBusy, until }: ThrottleOptions): void {
  if (process.platform === 'win32') return
  let slice = 0
  let isStopped = false
  const turn = (stop: boolean) => {
    if (stop === isStopped) return
    isStopped = child.kill(stop ? 'SIGSTOP' : 'SIGCONT') && stop
  }
  const timer = setInterval(() => {
    slice = (slice + 1) % slices
    turn(slice !== 0 && isBusy())
  }, sliceMs)
  const end = () => {
    clearInterval(timer)
    turn(false)
  }
  until.then(end, end)
}
