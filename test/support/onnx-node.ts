// A node of an ONNX graph that is named after its one output.
import type { OnnxNode } from '../../src/onnx/model.ts'

export function onnxNode(op: string, inputs: readonly string[], output: string): OnnxNode {
  return { name: output, op, inputs, outputs: [output], attributes: {} }
}
