// The one table of TensorFlow operators that can be converted, an entry each.
// Their meaning: https://www.tensorflow.org/api_docs/python/tf/raw_ops
import type { Operator } from './operation.ts'
import { activationOperators } from './operators/activation.ts'
import { arithmeticOperators } from './operators/arithmetic.ts'
import { convolutionOperators } from './operators/convolution.ts'
import { joiningOperators } from './operators/joining.ts'
import { matrixOperators } from './operators/matrix.ts'
import { normalizationOperators } from './operators/normalization.ts'
import { paddingOperators } from './operators/padding.ts'
import { poolingOperators } from './operators/pooling.ts'
import { reductionOperators } from './operators/reduction.ts'
import { shapeOperators } from './operators/shape.ts'
import { slicingOperators } from './operators/slicing.ts'

export const operators: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    ...activationOperators,
    ...arithmeticOperators,
    ...convolutionOperators,
    ...joiningOperators,
    ...matrixOperators,
    ...normalizationOperators,
    ...paddingOperators,
    ...poolingOperators,
    ...reductionOperators,
    ...shapeOperators,
    ...slicingOperators,
  }),
)
