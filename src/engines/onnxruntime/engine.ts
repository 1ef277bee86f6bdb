// The engine that needs nothing installed: SavedModels converted to ONNX, run by ONNX Runtime.
import type { Engine } from '../engine.ts'
import { convertedModel } from './converted-model.ts'
import { probeRuntime } from './runtime.ts'
import { openSession } from './session.ts'

export const onnxruntimeEngine: Engine = {
  name: 'onnxruntime',
  probe: probeRuntime,
  load: async (request) => openSession(await convertedModel(request), request),
}
