// Whether OpenVINO computes with the matrix units of this CPU (Intel AMX): layers are then so short
// that threads which share a batch mostly wait for each other.
import { readFileSync } from 'node:fs'
import type { EngineName, Precision } from '../engine.ts'
import { findLibrary } from './find-library.ts'

export interface WantedEngine {
  readonly engine: EngineName | 'auto'
  readonly precision: Precision | 'auto'
}

/**
 * On four cores with AMX four sessions of one thread did 1.75 times the images a second of one session of
 * four threads (ResNet50 in bf16, docs/performance).
 * @param cpuInfo the text of /proc/cpuinfo, where it is not to be read
 */
export function usesMatrixUnits(
  { engine, precision }: WantedEngine,
  cpuInfo?: string,
  library: string | null = findLibrary(),
): boolean {
  const isOpenVino = engine === 'openvino' || (engine === 'auto' && library !== null)
  if (!isOpenVino || precision === 'fp32') return false
  // Read last: the kernel writes it anew for each reader, a page a core.
  return /^flags\s*:.*\bamx_bf16\b/m.test(cpuInfo ?? readCpuInfo())
}

/** Empty where there is no such file: only Linux tells. */
function readCpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    return ''
  }
}
