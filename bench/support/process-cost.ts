// What a server with its session processes has taken: CPU time so far, memory now (Linux).
import { readFile } from 'node:fs/promises'

export interface ProcessCost {
  readonly cpuMs: number
  /** Memory that is not shared with other processes. */
  readonly bytes: number
}

/** The kernel counts CPU time in hundredths of a second for programs, whatever its own clock. */
const msPerTick = 10

export async function costOf(pid: number): Promise<ProcessCost> {
  const read = (file: string) => readFile(`/proc/${file}`, 'utf8').catch(() => '')
  const [stat, memory, children] = await Promise.all([
    read(`${pid}/stat`),
    read(`${pid}/smaps_rollup`),
    read(`${pid}/task/${pid}/children`),
  ])
  // The name in brackets may hold spaces: fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const own: ProcessCost = {
    cpuMs: (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * msPerTick,
    bytes: [...memory.matchAll(/^Private_\w+:\s+(\d+) kB/gm)].reduce(
      (sum, [, kilobytes]) => sum + Number(kilobytes) * 1024,
      0,
    ),
  }
  const below = await Promise.all(
    children.trim().split(' ').filter(Boolean).map(Number).map(costOf),
  )
  return below.reduce(
    (sum, { cpuMs, bytes }) => ({ cpuMs: sum.cpuMs + cpuMs, bytes: sum.bytes + bytes }),
    own,
  )
}
