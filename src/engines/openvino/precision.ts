// What OpenVINO computes in: what this CPU has in hardware, against what was asked for.
import type { Precision } from '../engine.ts'

/** OpenVINO's names, as INFERENCE_PRECISION_HINT takes and gives them. */
const hints = { fp32: 'f32', bf16: 'bf16', fp16: 'f16' } as const
type Runnable = keyof typeof hints

/**
 * @param capabilities OPTIMIZATION_CAPABILITIES of the device, e.g. `BF16 WINOGRAD FP32 INT8`: it
 * names bf16 and fp16 only where the CPU has instructions for them
 */
export function choosePrecision(
  wanted: Precision | 'auto',
  capabilities: string,
): { readonly precision: Runnable } | { readonly refused: string } {
  const native = new Set(capabilities.split(/[\s,]+/))
  const fast = native.has('BF16') ? 'bf16' : 'fp32'
  // fp16 has fewer exponent bits than a network trained in fp32 may need: only when asked for.
  // An int8 graph says itself what runs in int8; the rest of it runs as fast as the CPU can.
  if (wanted === 'auto' || wanted === 'int8') return { precision: fast }
  if (wanted === 'fp32') return { precision: 'fp32' }
  if (native.has(wanted.toUpperCase())) return { precision: wanted }
  const allowed = [
    'fp32',
    ...(['bf16', 'fp16'] as const).filter((p) => native.has(p.toUpperCase())),
  ]
  return {
    refused: `this CPU has no ${wanted} instructions; openvino can run ${allowed.join(', ')} here (PRECISION)`,
  }
}

/** INFERENCE_PRECISION_HINT for a precision. */
export function hintOf(precision: Runnable): string {
  return hints[precision]
}

/** What a compiled model says that it runs in. */
export function precisionOf(hint: string): Precision {
  const known = Object.entries(hints).find(([, name]) => name === hint)
  // A model that keeps its own types reports `dynamic`: it was read as fp32.
  return (known?.[0] as Precision | undefined) ?? 'fp32'
}
