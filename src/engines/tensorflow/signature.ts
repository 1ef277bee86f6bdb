// Which tensors of a SavedModel take the image and give the scores, and in which types TensorFlow's
// binding hands them over: it makes and reads tensors of few types, so the others are cast in the graph.
import { ModelError } from '../../errors.ts'
import { layoutOf, takesText } from '../../onnx/input-stage.ts'
import type { Signature } from '../../savedmodel/signatures.ts'
import type { LoadRequest } from '../engine.ts'

type Tensors = Signature['inputs']
type TensorInfo = Tensors[number]
type DataType = TensorInfo['dtype']

/** What pixels are given as; the binding can make tensors of these. */
export type FedType = 'uint8' | 'int32' | 'int64' | 'float32'

export interface ImageInput {
  /** The name in the signature. */
  readonly name: string
  /** The tensor's name in the graph. */
  readonly tensor: string
  /** What the graph takes. */
  readonly dtype: DataType
  readonly fed: FedType
  readonly height: number
  readonly width: number
  /** Whether the graph takes [N, 3, height, width]. */
  readonly channelsFirst: boolean
  /** Images in every run where the graph fixes it; `null` where any number will do. */
  readonly batchSize: number | null
}

export interface ScoresOutput {
  readonly name: string
  readonly tensor: string
  /** What the graph gives; what is read is float32. */
  readonly dtype: DataType
  /** From the name; `null` where the name does not tell. */
  readonly kind: 'logits' | 'probabilities' | null
}

export interface Endpoint {
  readonly input: ImageInput
  readonly output: ScoresOutput
}

export type Wanted = Pick<LoadRequest, 'model' | 'output' | 'openSize'>

/** Every type that holds the values of pixels, or floats, and what the service gives to a graph of it. */
const fedTypes: Partial<Record<DataType, FedType>> = {
  ...{ uint8: 'uint8', int32: 'int32', int64: 'int64', float32: 'float32' },
  ...{ int16: 'int32', uint16: 'int32', uint32: 'int32', uint64: 'int32' },
  ...{ float16: 'float32', bfloat16: 'float32', float64: 'float32' },
}
const scoreTypes = new Set<DataType>(['float32', 'float16', 'bfloat16', 'float64'])
const unknownSize = -1

/**
 * The tensors that are served.
 * @param wanted as in LoadRequest
 * @throws ModelError `unsupported`, listing what the model has
 */
export function chooseEndpoint(
  signature: Signature,
  { model, output, openSize = 0 }: Wanted,
): Endpoint {
  const refuse = (what: string) => new ModelError('unsupported', `model ${model}: ${what}`)
  const where = { refuse, signature: signature.name, openSize }
  return {
    input: chooseInput(signature.inputs, where),
    output: chooseOutput(signature.outputs, output, where),
  }
}

interface Where {
  readonly refuse: (what: string) => ModelError
  readonly signature: string
  /** Height and width where the signature leaves them open; 0 refuses such models. */
  readonly openSize: number
}

function chooseInput(inputs: Tensors, { refuse, signature, openSize }: Where): ImageInput {
  const info = onlyOne(inputs)
  const taken =
    'the service feeds one image input [N, height, width, 3] or [N, 3, height, width] of integers or floats'
  if (info === undefined) {
    throw refuse(`signature ${signature} takes ${namesOf(inputs)}; ${taken}`)
  }
  const { name, tensor, dtype } = info
  const fed = fedTypes[dtype]
  const [batch = 0, ...sizes] = info.shape ?? []
  const { channelsFirst, sides } = layoutOf(sizes)
  const [height = 0, width = 0] = sides.map((size) => (size === unknownSize ? openSize : size))
  const hasColours = sizes[channelsFirst ? 0 : 2] === 3
  const isImage = height > 0 && width > 0 && hasColours && sizes.length === 3
  if (fed === undefined || !isImage) {
    const found = `input ${name} is ${describe(info)}`
    throw refuse(
      dtype === 'string'
        ? `${found}: ${takesText}`
        : `${found}; ${taken}, with a fixed height and width`,
    )
  }
  const batchSize = batch === unknownSize ? null : batch
  return { name, tensor, dtype, fed, height, width, channelsFirst, batchSize }
}

function chooseOutput(
  outputs: Tensors,
  wanted: string | null,
  { refuse, signature }: Where,
): ScoresOutput {
  const named = (name: string | null) => outputs.find((each) => each.name === name)
  const chosen =
    wanted === null
      ? (named('probabilities') ?? named('logits') ?? onlyOne(outputs.filter(mayBeScores)))
      : named(wanted)
  if (chosen === undefined) {
    const listed = outputs.map((info) => `${info.name} ${describe(info)}`).join(', ')
    throw refuse(
      `signature ${signature} has no output ${wanted ?? 'probabilities, none named logits, and not exactly one [N, classes]'}; ` +
        `it gives ${listed || 'nothing'}. Name one as "output" in model.json`,
    )
  }
  const { name, tensor, dtype } = chosen
  if (!mayBeScores(chosen)) {
    throw refuse(`output ${name} is ${describe(chosen)}; scores are floats [N, classes]`)
  }
  const kind = name === 'probabilities' || name === 'logits' ? name : null
  return { name, tensor, dtype, kind }
}

/** [N, classes], also as [N, 1, 1, classes]. An unknown rank may turn out to be that; a run tells. */
function mayBeScores({ dtype, shape }: TensorInfo): boolean {
  const isFlat =
    shape === null || (shape.length >= 2 && shape.slice(1, -1).every((size) => size === 1))
  return scoreTypes.has(dtype) && isFlat
}

function describe({ dtype, shape }: TensorInfo): string {
  const sizes = shape?.map((size) => (size === unknownSize ? '?' : String(size)))
  return `${dtype} [${sizes?.join(', ') ?? 'unknown rank'}]`
}

function namesOf(tensors: Tensors): string {
  return tensors.map(({ name }) => name).join(', ') || 'nothing'
}

function onlyOne<Item>(items: readonly Item[]): Item | undefined {
  return items.length === 1 ? items[0] : undefined
}
