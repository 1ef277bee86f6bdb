// A found model as ONNX, as the onnxruntime engine would run it.
import type { LoadRequest } from '../../engines/engine.ts'
import { inputStageOf } from '../../engines/onnxruntime/converted-model.ts'
import type { Graph } from '../../graph/graph.ts'
import { type Conversion, convertGraph } from '../../onnx/convert.ts'

/** @throws ModelError unsupported, naming model, node and operator */
export function convertFound(graph: Graph, request: LoadRequest): Conversion {
  const { model, output, openSize, normalization } = request
  const inputStage = inputStageOf(normalization)
  return convertGraph(graph, {
    model,
    output,
    inputStage,
    ...(openSize === undefined ? {} : { openSize }),
  })
}
