// The engine that needs nothing installed: SavedModels converted to ONNX, run by ONNX Runtime.
import type { Engine, LoadRequest } from '../engine.ts'
import { convertedModel } from './converted-model.ts'
import { probeRuntime } from './runtime.ts'
import { openSession } from './session.ts'

export const onnxruntimeEngine: Engine = {
  name: 'onnxruntime',
  probe: probeRuntime,
  load: async (request) =>
    openSession(await convertedModel({ ...request, isHalved: isHalved(request) }), request),
}

/** A CPU computes float16 in float32, with casts all around: it is for GPUs. */
function isHalved({ precision, device }: LoadRequest): boolean {
  return precision === 'fp16' && device !== 'cpu'
}
