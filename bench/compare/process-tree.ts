// A server with all processes it started: what they use, and putting them to sleep while another
// contender is measured, so that idle ones take nothing from it (Linux only: proc(5)).
import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks of proc(5) a second; 100 on every Linux that Node runs on. */
const ticksPerSecond = 100

/** The process and its descendants. */
export function processTree(root: number): readonly number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = fieldsOf(Number(name))
    if (stat !== null) parents.set(Number(name), Number(stat[1]))
  }
  const tree = [root]
  for (const pid of tree) {
    for (const [child, parent] of parents) if (parent === pid) tree.push(child)
  }
  return tree
}

/** Fields of /proc/<pid>/stat behind the command's name: state, parent, … */
function fieldsOf(pid: number): readonly string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}

const userField = 11
const systemField = 12

/** Seconds of CPU that a tree has used. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = fieldsOf(pid)
    if (fields === null) return sum
    return sum + (Number(fields[userField]) + Number(fields[systemField])) / ticksPerSecond
  }, 0)
}

/** Bytes of memory that a tree uses; what processes share is counted once (PSS). */
export function memoryBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    try {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
      return sum + Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024
    } catch {
      return sum
    }
  }, 0)
}

/** Sends `signal` to a whole tree, children first. */
export function signalTree(root: number, signal: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM' | 'SIGKILL') {
  for (const pid of processTree(root).toReversed()) {
    try {
      process.kill(pid, signal)
    } catch {
      // It ended by itself.
    }
  }
}

/** Longer than any contender takes to stop by itself. */
const endGraceMs = 3000

/** Wakes trees and asks them to stop; what is still there after a while is killed. */
export async function endTrees(roots: readonly number[]): Promise<void> {
  for (const root of roots) {
    signalTree(root, 'SIGCONT')
    signalTree(root, 'SIGTERM')
  }
  await new Promise((resolve) => setTimeout(resolve, endGraceMs))
  for (const root of roots) signalTree(root, 'SIGKILL')
}
