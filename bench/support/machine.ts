// The machine in words, for the head of every generated page.

import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'

/** Instructions that decide how fast a network runs. */
const telling = ['avx2', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_bf16', 'amx_int8']

export function machine(): string {
  const flags = readFlags()
  const has = telling.filter((name) => flags.has(name))
  const lacks = telling.filter((name) => !flags.has(name))
  const without = lacks.length === 0 ? '' : `; without ${lacks.join(', ')}`
  const instructions = flags.size === 0 ? '' : ` (${has.join(', ')}${without})`
  return `${availableParallelism()} cores of ${cpus()[0]?.model.trim()}${instructions}, Node ${process.versions.node}`
}

function readFlags(): ReadonlySet<string> {
  try {
    const line = /^flags\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]
    return new Set(line?.split(' '))
  } catch {
    return new Set()
  }
}
