// The one table of TensorFlow operators that can be converted, an entry each.
// Their meaning: https://www.tensorflow.org/api_docs/python/tf/raw_ops
import type { Operator } from './operation.ts'
import { activationOperators } from './operators/activation.ts'
import { arithmeticOperators } from './operators/arithmetic.ts'
import { broadcastingOperators } from './operators/broadcasting.ts'
import { convolutionOperators } from './operators/convolution.ts'
import { diagonalOperators } from './operators/diagonals.ts'
import { einsumOperators } from './operators/einsum.ts'
import { functionOperators } from './operators/functions.ts'
import { joiningOperators } from './operators/joining.ts'
import { matrixOperators } from './operators/matrix.ts'
import { normalizationOperators } from './operators/normalization.ts'
import { paddingOperators } from './operators/padding.ts'
import { patchOperators } from './operators/patches.ts'
import { poolingOperators } from './operators/pooling.ts'
import { quantizationOperators } from './operators/quantization.ts'
import { rankingOperators } from './operators/ranking.ts'
import { reductionOperators } from './operators/reduction.ts'
import { resamplingOperators } from './operators/resampling.ts'
import { resizingOperators } from './operators/resizing.ts'
import { rollingOperators } from './operators/rolling.ts'
import { scatteringOperators } from './operators/scattering.ts'
import { selectionOperators } from './operators/selection.ts'
import { shapeOperators } from './operators/shape.ts'
import { slicingOperators } from './operators/slicing.ts'

export const operators: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    ...activationOperators,
    ...arithmeticOperators,
    ...broadcastingOperators,
    ...convolutionOperators,
    ...diagonalOperators,
    ...einsumOperators,
    ...functionOperators,
    ...quantizationOperators,
    ...rankingOperators,
    ...resamplingOperators,
    ...rollingOperators,
    ...joiningOperators,
    ...matrixOperators,
    ...normalizationOperators,
    ...paddingOperators,
    ...patchOperators,
    ...poolingOperators,
    ...reductionOperators,
    ...resizingOperators,
    ...scatteringOperators,
    ...selectionOperators,
    ...shapeOperators,
    ...slicingOperators,
  }),
)
