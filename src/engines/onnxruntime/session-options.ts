// How ONNX Runtime is set up for a session: devices, threads, memory.
// https://onnxruntime.ai/docs/api/js/interfaces/InferenceSession.SessionOptions.html
import type { InferenceSession } from 'onnxruntime-node'
import type { LoadRequest } from '../engine.ts'

type Options = InferenceSession.SessionOptions

/** ONNX Runtime's numbers for "errors only": the converted graph is ours, warnings help nobody. */
const errorsOnly = 3

/**
 * - Threads do not spin while they wait: other sessions want the cores (measured by others: a third
 *   of the CPU time at the same wall time).
 * - Memory patterns are off: they are kept per batch size, and batches vary.
 * - int8 on a processor without VNNI: kernels that cannot overflow, which cost a little speed.
 */
export function sessionOptions(
  { device, threads }: Pick<LoadRequest, 'device' | 'threads'>,
  isInt8 = false,
): Options {
  return {
    executionProviders: executionProviders(device),
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    enableMemPattern: false,
    logSeverityLevel: errorsOnly,
    extra: {
      session: {
        intra_op: { allow_spinning: '0' },
        ...(isInt8 && { x64quantprecision: '1' }),
      },
    },
  }
}

/** `cpu`, `cuda:1`, `webgpu`; what a provider cannot run falls to the CPU inside the same session. */
function executionProviders(device: string): NonNullable<Options['executionProviders']> {
  const [kind = '', index = '0'] = device.split(':')
  if (kind === 'cuda') return [{ name: 'cuda', deviceId: Number(index) }, 'cpu']
  return kind === 'cpu' ? ['cpu'] : [kind, 'cpu']
}
