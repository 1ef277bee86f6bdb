// The native library, loaded when it is first needed: this room is imported where it may be absent.
import type * as Runtime from 'onnxruntime-node'
import { messageOf } from '../../errors.ts'
import type { Availability } from '../engine.ts'

export type { Runtime }

/** @throws where the package or its native library cannot be loaded */
export async function loadRuntime(): Promise<typeof Runtime> {
  return import('onnxruntime-node')
}

export function runtimeVersion(runtime: typeof Runtime): string {
  return runtime.env.versions.node ?? runtime.env.versions.common
}

/** Which devices the library was built for; whether one is there shows only when it is used. */
export async function probeRuntime(): Promise<Availability> {
  try {
    const runtime = await loadRuntime()
    const devices = runtime.listSupportedBackends().map(({ name }) => name)
    return { available: true, version: runtimeVersion(runtime), devices }
  } catch (error) {
    const [line] = messageOf(error).split('\n')
    return { available: false, reason: `onnxruntime-node cannot be loaded: ${line}` }
  }
}
