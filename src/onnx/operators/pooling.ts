// Pooling over windows. TensorFlow's averages leave padding out, which is ONNX's default too.
import { inOrder } from '../layout.ts'
import { ints } from '../model.ts'
import type { Operation, Operator } from '../operation.ts'
import type { Value } from '../value.ts'
import { imageAxes, imageShape, readWindow } from '../window.ts'

function pool(operation: Operation, op: 'MaxPool' | 'AveragePool'): Value {
  const { emitter } = operation
  const axes = imageAxes(operation)
  const sizes = operation.ints('ksize', [1, 1, 1, 1])
  if (sizes[0] !== 1 || sizes[axes.channel] !== 1) {
    operation.unsupported(`pools over the batch or the channels (ksize ${sizes.join(', ')})`)
  }
  const window = readWindow(operation, axes, {
    kernel: axes.spatial.map((axis) => sizes[axis] ?? 1),
    shape: operation.input(0).shape,
  })
  const x = inOrder(emitter, operation.input(0), axes.order)
  const shape = imageShape(axes, {
    batch: x.shape[0] as number,
    channels: x.shape[axes.channel] as number,
    sizes: window.outputSizes,
  })
  const attributes = {
    kernel_shape: ints(window.kernel),
    strides: ints(window.strides),
    pads: ints(window.pads),
  }
  return emitter.node(op, { inputs: [x.name], attributes }, { ...x, shape })
}

export const poolingOperators: Readonly<Record<string, Operator>> = {
  MaxPool: (operation) => pool(operation, 'MaxPool'),
  AvgPool: (operation) => pool(operation, 'AveragePool'),
}
