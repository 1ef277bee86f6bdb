// What DEVICES=auto stands for on this machine.
import type { EngineName, Precision } from '../engines/engine.ts'
import { type EngineProbe, probeEngines } from './probe-engines.ts'

export interface AutoDevices {
  readonly engine: EngineName | 'auto'
  readonly precision: Precision | 'auto'
  /** The machine's GPUs, `cuda:0`, …, whether or not an engine can use them. */
  readonly gpus: readonly string[]
  readonly probe?: () => Promise<readonly EngineProbe[]>
}

/**
 * The GPUs that a wanted engine can use here; the CPU where there are none. WebGPU is never chosen: it
 * may be a processor that plays a GPU. Engines are asked only where there is a GPU, since that takes a second.
 */
export async function autoDevices({
  engine,
  precision,
  gpus,
  probe = probeEngines,
}: AutoDevices): Promise<readonly string[]> {
  const isForCpus = precision === 'bf16' || precision === 'int8'
  if (gpus.length === 0 || isForCpus) return ['cpu']
  const usable = (await probe())
    .filter((one) => engine === 'auto' || one.engine === engine)
    .flatMap(({ availability }) => (availability.available ? availability.devices : []))
  const chosen = gpus.filter((gpu) => usable.includes(gpu))
  return chosen.length === 0 ? ['cpu'] : chosen
}
