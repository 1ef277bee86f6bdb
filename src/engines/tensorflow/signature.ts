// Which tensors of a SavedModel take the image and give the scores.
// https://github.com/tensorflow/tensorflow/blob/v2.21.0/tensorflow/core/protobuf/meta_graph.proto
import { ModelError } from '../../errors.ts'
import type { LoadRequest } from '../engine.ts'
import type { MetaGraph, TensorInfo } from './library.ts'

export interface ImageInput {
  /** The name in the signature. */
  readonly name: string
  /** The tensor's name in the graph. */
  readonly tensor: string
  /** What the graph takes. */
  readonly dtype: 'uint8' | 'int32' | 'int64' | 'float32'
  readonly height: number
  readonly width: number
  /** Images in every run where the graph fixes it; `null` where any number will do. */
  readonly batchSize: number | null
}

export interface ScoresOutput {
  readonly name: string
  readonly tensor: string
  /** From the name; `null` where the name does not tell. */
  readonly kind: 'logits' | 'probabilities' | null
}

export interface Endpoint {
  readonly tags: string[]
  readonly signature: string
  readonly input: ImageInput
  readonly output: ScoresOutput
}

type Wanted = Pick<LoadRequest, 'model' | 'output' | 'openSize'>

const servingTag = 'serve'
const defaultSignature = 'serving_default'
const dtypes: Readonly<Record<string, ImageInput['dtype']>> = {
  DT_UINT8: 'uint8',
  DT_INT32: 'int32',
  DT_INT64: 'int64',
  DT_FLOAT: 'float32',
}
const unknownSize = -1

/**
 * The endpoint that is served.
 * @param wanted as in LoadRequest
 * @throws ModelError `unsupported`, listing what the model has
 */
export function chooseEndpoint(
  metaGraphs: readonly MetaGraph[],
  { model, output: outputName, openSize = 0 }: Wanted,
): Endpoint {
  const refuse = (what: string) => new ModelError('unsupported', `model ${model}: ${what}`)
  const graph = chooseGraph(metaGraphs)
  if (graph === undefined) {
    const found = metaGraphs.map(({ tags }) => `[${tags.join(', ')}]`).join(', ') || 'none'
    throw refuse(`no graph has the tag "${servingTag}"; its tags are ${found}`)
  }
  const names = Object.keys(graph.signatureDefs)
  const signature = names.includes(defaultSignature) ? defaultSignature : onlyOne(names)
  const tensors = signature === undefined ? undefined : graph.signatureDefs[signature]
  if (signature === undefined || tensors === undefined) {
    throw refuse(`no signature "${defaultSignature}"; it has ${names.join(', ') || 'none'}`)
  }
  const where = { refuse, signature, openSize }
  return {
    // A copy: the package sorts the lists that it is given.
    tags: [...graph.tags],
    signature,
    input: chooseInput(tensors.inputs, where),
    output: chooseOutput(tensors.outputs, outputName, where),
  }
}

interface Where {
  readonly refuse: (what: string) => ModelError
  readonly signature: string
  /** Height and width where the signature leaves them open; 0 refuses such models. */
  readonly openSize: number
}

/** Exactly `serve` before `serve` with companions (`gpu`, `tpu`). */
function chooseGraph(metaGraphs: readonly MetaGraph[]): MetaGraph | undefined {
  const serving = metaGraphs.filter(({ tags }) => tags.includes(servingTag))
  return serving.find(({ tags }) => tags.length === 1) ?? serving[0]
}

function chooseInput(
  inputs: Readonly<Record<string, TensorInfo>>,
  { refuse, signature, openSize }: Where,
): ImageInput {
  const name = onlyOne(Object.keys(inputs))
  const info = name === undefined ? undefined : inputs[name]
  const taken =
    'the service feeds one image input [N, height, width, 3], uint8, int32, int64 or float32'
  if (name === undefined || info === undefined) {
    throw refuse(
      `signature ${signature} takes ${Object.keys(inputs).join(', ') || 'nothing'}; ${taken}`,
    )
  }
  const dtype = dtypes[info.tfDtype]
  const [batch = 0, ...rest] = sizes(info)
  const [height = 0, width = 0, channels = 0, ...more] = rest.map((size, axis) =>
    size === unknownSize && axis < 2 ? openSize : size,
  )
  const isImage = height > 0 && width > 0 && channels === 3 && more.length === 0
  if (dtype === undefined || !isImage) {
    throw refuse(`input ${name} is ${describe(info)}; ${taken}, with a fixed height and width`)
  }
  const batchSize = batch === unknownSize ? null : batch
  return { name, tensor: info.name, dtype, height, width, batchSize }
}

function chooseOutput(
  outputs: Readonly<Record<string, TensorInfo>>,
  wanted: string | null,
  { refuse, signature }: Where,
): ScoresOutput {
  const names = Object.keys(outputs)
  const name = wanted ?? names.find(isNamed('probabilities')) ?? names.find(isNamed('logits'))
  const chosen = name ?? onlyOne(names.filter((each) => mayBeScores(outputs[each])))
  const info = chosen === undefined ? undefined : outputs[chosen]
  const listed = Object.entries(outputs).map(([each, info]) => `${each} ${describe(info)}`)
  if (chosen === undefined || info === undefined) {
    throw refuse(
      `signature ${signature} has no output ${wanted ?? 'probabilities, none named logits, and not exactly one [N, classes]'}; ` +
        `it gives ${listed.join(', ') || 'nothing'}. Name one as "output" in model.json`,
    )
  }
  if (!mayBeScores(info)) {
    throw refuse(`output ${chosen} is ${describe(info)}; scores are DT_FLOAT [N, classes]`)
  }
  const kind = chosen === 'probabilities' || chosen === 'logits' ? chosen : null
  return { name: chosen, tensor: info.name, kind }
}

const isNamed = (name: string) => (each: string) => each === name

/** [N, classes], also as [N, 1, 1, classes]. An unknown rank may turn out to be that; a run tells. */
function mayBeScores(info: TensorInfo | undefined): boolean {
  const inner = info?.shape.slice(1, -1) ?? []
  const isFlat = info?.shape.length !== 1 && inner.every((dimension) => dimension.getSize() === 1)
  return info?.tfDtype === 'DT_FLOAT' && isFlat
}

function sizes(info: TensorInfo): number[] {
  return info.shape.map((dimension) => dimension.getSize())
}

function describe(info: TensorInfo): string {
  const shape = sizes(info).map((size) => (size === unknownSize ? '?' : String(size)))
  return `${info.tfDtype} [${shape.join(', ') || 'unknown rank'}]`
}

function onlyOne(names: readonly string[]): string | undefined {
  return names.length === 1 ? names[0] : undefined
}
