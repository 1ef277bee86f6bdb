// The weights of a network in the form its graph wants them, and the way there from a training
// framework's: channels last, batch normalisation folded into each convolution's kernel and bias.
import { float32Tensor, type Tensor } from '../graph/tensor.ts'

/** A convolution's or the dense layer's numbers, ready for the graph. */
export interface LayerWeights {
  /** [height, width, inputs, outputs], or [inputs, outputs] of the dense layer */
  readonly kernel: Tensor
  /** [outputs] */
  readonly bias: Tensor
}

export interface NetworkWeights {
  /** By `Convolution.name`. */
  readonly convolutions: ReadonlyMap<string, LayerWeights>
  readonly classifier: LayerWeights
}

/** What batch normalisation learnt; each [outputs]. */
export interface BatchNormalization {
  readonly scale: Float32Array
  readonly shift: Float32Array
  readonly mean: Float32Array
  readonly variance: Float32Array
}

/** Added to the variance; PyTorch's default, with which all published ResNets were trained. */
const epsilon = 1e-5

/** One factor and one bias a channel that do what `normalization` does after a convolution. */
export function foldNormalization(normalization: BatchNormalization): {
  readonly factors: Float64Array
  readonly bias: Float32Array
} {
  const { scale, shift, mean, variance } = normalization
  const factors = Float64Array.from(
    scale,
    (value, channel) => value / Math.sqrt((variance[channel] as number) + epsilon),
  )
  const bias = shift.map(
    (value, channel) => value - (mean[channel] as number) * (factors[channel] as number),
  )
  return { factors, bias }
}

/**
 * A kernel with its channels last, each output channel multiplied by its factor.
 * @param source [outputs, inputs, …window] in row-major order
 * @param shape of the result: [...window, inputs, outputs]
 * @param factors [outputs]; none leaves the numbers as they are
 */
export function channelsLast(
  source: Float32Array,
  shape: readonly number[],
  factors?: Float64Array,
): Tensor {
  const [inputs = 0, outputs = 0] = shape.slice(-2)
  const pixels = shape.slice(0, -2).reduce((product, size) => product * size, 1)
  const target = new Float32Array(source.length)
  let from = 0
  for (let output = 0; output < outputs; output++) {
    const factor = factors?.[output] ?? 1
    for (let input = 0; input < inputs; input++) {
      for (let pixel = 0; pixel < pixels; pixel++) {
        target[(pixel * inputs + input) * outputs + output] = (source[from++] as number) * factor
      }
    }
  }
  return float32Tensor(shape, target)
}
