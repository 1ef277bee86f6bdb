// Runs a converted graph with values from its middle as further outputs, for whoever calibrates it.
import { messageOf } from '../../errors.ts'
import { encodeModel } from '../../onnx/encode.ts'
import { type OnnxModel, pixelsName } from '../../onnx/model.ts'
import { loadRuntime } from './runtime.ts'

/** Runs one crop, uint8 [height, width, 3], and visits each value that was asked for. */
export type LookInside = (
  crop: Uint8Array,
  visit: (name: string, values: Float32Array) => void,
) => Promise<void>

/**
 * @param names float32 values of the graph
 * @throws Error where the runtime refuses the graph
 */
export async function openLookInside(
  model: OnnxModel,
  names: readonly string[],
): Promise<LookInside> {
  const { InferenceSession, Tensor } = await loadRuntime()
  const bytes = encodeModel({ ...model, taps: names })
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 }).catch((error) => {
    throw new Error(`the network cannot be looked into: ${messageOf(error)}`)
  })
  const [, height = 0, width = 0] = model.input.shape.map(Number)
  return async (crop, visit) => {
    const pixels = new Tensor('uint8', crop, [1, height, width, 3])
    const outputs = await session.run({ [pixelsName]: pixels })
    for (const name of names) visit(name, outputs[name]?.data as Float32Array)
  }
}
