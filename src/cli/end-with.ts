// A command that works through a process of its own does not leave it behind.
import type { ChildProcess } from 'node:child_process'

const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/**
 * Until `child` has ended: a signal that ends this process ends the child, and then itself.
 * @param by what ends the child; the same signal where left out
 * @returns what is to be called where the child may end without this process
 */
export function endWith(child: ChildProcess, by?: NodeJS.Signals): () => void {
  let ended: NodeJS.Signals | undefined
  const end = (signal: NodeJS.Signals) => {
    ended = signal
    child.kill(by ?? signal)
  }
  const follow = () => {
    release()
    if (ended !== undefined) process.kill(process.pid, ended)
  }
  function release() {
    child.off('exit', follow)
    for (const signal of signals) process.off(signal, end)
  }
  for (const signal of signals) process.once(signal, end)
  child.once('exit', follow)
  return release
}
