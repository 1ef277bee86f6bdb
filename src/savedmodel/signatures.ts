// The signatures of a SavedModel: by which names and in what shapes it takes and gives tensors.
import { join } from 'node:path'
import { ModelError } from '../errors.ts'
import type { DataType } from '../graph/data-type.ts'
import type { Shape } from '../graph/graph.ts'
import { dataTypeFromNumber, dataTypeName } from './data-types.ts'
import type { MetaGraphDef, SignatureDef, TensorInfo } from './generated/saved_model_pb.ts'
import { modelFileName, readServingGraph, tagsOf } from './saved-model-file.ts'
import { shapeFromProto } from './shape-proto.ts'

const defaultSignature = 'serving_default'

/** One input or output of a signature. */
interface SignatureTensor {
  /** The signature's name for it, e.g. `images`. */
  readonly name: string
  /** The graph's name for it, e.g. `serving_default_images:0`. */
  readonly tensor: string
  readonly dtype: DataType
  readonly shape: Shape
}

export interface Signature {
  readonly name: string
  /** e.g. `tensorflow/serving/predict` */
  readonly method: string
  readonly inputs: readonly SignatureTensor[]
  readonly outputs: readonly SignatureTensor[]
}

/** What can be asked of a SavedModel, without loading its weights. */
export interface SignatureList {
  /** The release that wrote it, e.g. `2.21.0`; empty where it does not say. */
  readonly tensorflowVersion: string
  /** Sorted by name. */
  readonly signatures: readonly Signature[]
}

/**
 * The signatures of the SavedModel in `folder`; those that take or give what no tensor holds
 * (initialisers, sparse tensors) are left out.
 * @throws ModelError as readServingGraph
 */
export async function readSignatures(folder: string): Promise<SignatureList> {
  const graph = await readServingGraph(folder)
  return {
    tensorflowVersion: graph.metaInfoDef?.tensorflowVersion ?? '',
    signatures: predictSignatures(graph).map(([name, signature]) =>
      describe(name, signature, join(folder, modelFileName)),
    ),
  }
}

/**
 * The signature that is served of the SavedModel in `folder`, and the tags of its graph.
 * @throws ModelError as readServingGraph and chooseSignature
 */
export async function readServedSignature(
  folder: string,
): Promise<{ readonly tags: readonly string[]; readonly signature: Signature }> {
  const graph = await readServingGraph(folder)
  const signature = chooseSignature(graph, join(folder, modelFileName), undefined)
  return { tags: tagsOf(graph), signature }
}

/**
 * The signature `wanted`, or by default `serving_default`, or the only one there is.
 * @throws ModelError `unsupported` where there is no such signature
 */
export function chooseSignature(
  graph: MetaGraphDef,
  path: string,
  wanted: string | undefined,
): Signature {
  const all = predictSignatures(graph)
  const only = wanted === undefined && all.length === 1 ? all[0] : undefined
  const chosen = all.find(([name]) => name === (wanted ?? defaultSignature)) ?? only
  if (chosen === undefined) {
    const found = all.map(([name]) => name).join(', ') || 'none'
    throw new ModelError(
      'unsupported',
      `${path}: no signature ${wanted ?? defaultSignature}; signatures with inputs and outputs: ${found}`,
    )
  }
  return describe(...chosen, path)
}

function predictSignatures(graph: MetaGraphDef): readonly (readonly [string, SignatureDef])[] {
  return Object.entries(graph.signatureDef)
    .filter(([, { inputs, outputs }]) => isPlain(inputs) && isPlain(outputs))
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Whether there are tensors, and all of them dense and of a type that tensors here can have. */
function isPlain(tensors: Readonly<Record<string, TensorInfo>>): boolean {
  const infos = Object.values(tensors)
  return (
    infos.length > 0 &&
    infos.every(({ name, dtype }) => name !== '' && dataTypeFromNumber(dtype) !== undefined)
  )
}

function describe(name: string, signature: SignatureDef, path: string): Signature {
  const where = `${path}: signature ${name}`
  return {
    name,
    method: signature.methodName,
    inputs: describeTensors(signature.inputs, where),
    outputs: describeTensors(signature.outputs, where),
  }
}

function describeTensors(
  tensors: Readonly<Record<string, TensorInfo>>,
  where: string,
): readonly SignatureTensor[] {
  return Object.entries(tensors)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, info]) => {
      const dtype = dataTypeFromNumber(info.dtype)
      if (dtype === undefined) {
        const found = dataTypeName(info.dtype)
        throw new ModelError('unsupported', `${where}: ${name} is of ${found}`)
      }
      const shape = shapeFromProto(info.tensorShape, `${where}, ${name}`)
      return { name, tensor: info.name, dtype, shape }
    })
}
