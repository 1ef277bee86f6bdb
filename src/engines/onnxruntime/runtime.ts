// The native library, loaded when it is first needed: this room is imported where it may be absent.
import type * as Runtime from 'onnxruntime-node'
import { messageOf } from '../../errors.ts'
import type { Availability } from '../engine.ts'
import { nvidiaGpus } from '../nvidia-gpus.ts'
import { linkProvider, missingCudaLibraries } from './cuda-provider.ts'

export type { Runtime }

/** @throws where the package or its native library cannot be loaded */
export async function loadRuntime(): Promise<typeof Runtime> {
  return import('onnxruntime-node')
}

export function runtimeVersion(runtime: typeof Runtime): string {
  return runtime.env.versions.node ?? runtime.env.versions.common
}

/** Which devices the installed library was built for; a driver that is missing shows on loading. */
export async function probeRuntime(): Promise<Availability> {
  try {
    const runtime = await loadRuntime()
    const bundled = runtime.listSupportedBackends().filter((backend) => backend.bundled)
    const devices = [...bundled.map(({ name }) => name), ...(await cudaDevices())]
    return { available: true, version: runtimeVersion(runtime), devices }
  } catch (error) {
    const [line] = messageOf(error).split('\n')
    return { available: false, reason: `onnxruntime-node cannot be loaded: ${line}` }
  }
}

/** `cuda:0`, … where the CUDA provider, which npm does not carry, and all that it needs are here. */
async function cudaDevices(): Promise<string[]> {
  const gpus = nvidiaGpus()
  const isReady = gpus.length > 0 && linkProvider() && (await missingCudaLibraries()).length === 0
  return isReady ? gpus : []
}
