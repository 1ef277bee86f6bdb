// NVIDIA's GPUs on this machine, without asking a library of theirs.
import { readdirSync } from 'node:fs'

/**
 * GPUs that this process may use, as `cuda:0`, `cuda:1`, …: one for each device file of the driver
 * (in a container those that it was given), or fewer where CUDA_VISIBLE_DEVICES names fewer.
 * https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables
 */
export function nvidiaGpus(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  deviceFolder = '/dev',
): string[] {
  const visible = environment.CUDA_VISIBLE_DEVICES
  const count = Math.min(countDeviceFiles(deviceFolder), countNamed(visible))
  return Array.from({ length: count }, (_, index) => `cuda:${index}`)
}

function countDeviceFiles(folder: string): number {
  try {
    return readdirSync(folder).filter((name) => /^nvidia\d+$/.test(name)).length
  } catch {
    return 0
  }
}

/** Names count up to the first that CUDA does not take, such as -1. */
function countNamed(visible: string | undefined): number {
  if (visible === undefined) return Number.POSITIVE_INFINITY
  const names = visible.split(',').map((name) => name.trim())
  const end = names.findIndex((name) => !/^(\d+|GPU-.+|MIG-.+)$/.test(name))
  return end === -1 ? names.length : end
}
