// saved_model.pb -> its messages, and which of its meta graphs and signatures is meant
// (https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/saved_model.proto).
// A fingerprint.pb beside it is ignored: it identifies the model, nothing here depends on it.
import { join } from 'node:path'
import { type BinaryReadOptions, fromBinary } from '@bufbuild/protobuf'
import { ModelError, messageOf } from '../errors.ts'
import { type MetaGraphDef, type SavedModel, SavedModelSchema } from './generated/saved_model_pb.ts'
import { maxDecodedBytes, maxMessageDepth, maxModelFileBytes } from './limits.ts'
import { messageCost } from './message-cost.ts'
import { openModelFile, readModelFile } from './model-folder.ts'

export const modelFileName = 'saved_model.pb'
const textFileName = 'saved_model.pbtxt'

/** The tag of graphs made for serving (tf.saved_model.SERVING). */
const servingTag = 'serve'

/**
 * The meta graph for serving of a SavedModel folder.
 * @throws ModelError `missing`, `corrupt`, or `unsupported` (text form, no graph tagged `serve`, too large)
 */
export async function readServingGraph(folder: string): Promise<MetaGraphDef> {
  const { metaGraphs } = await readModel(folder, { readUnknownFields: false })
  return chooseGraph(metaGraphs, join(folder, modelFileName))
}

/**
 * All of saved_model.pb, with the fields that this service does not know, so that it can be written
 * again; `serving` is a part of `model`.
 * @throws ModelError as readServingGraph
 */
export async function readWholeModel(
  folder: string,
): Promise<{ readonly model: SavedModel; readonly serving: MetaGraphDef }> {
  const model = await readModel(folder, { readUnknownFields: true })
  return { model, serving: chooseGraph(model.metaGraphs, join(folder, modelFileName)) }
}

async function readModel(folder: string, options: ReadOptions): Promise<SavedModel> {
  const bytes = await readModelFile(folder, modelFileName, maxModelFileBytes).catch((error) =>
    refuseTextForm(folder, error),
  )
  return decodeSavedModel(bytes, join(folder, modelFileName), options)
}

function chooseGraph(metaGraphs: readonly MetaGraphDef[], path: string): MetaGraphDef {
  // A second graph may be tagged `serve, gpu` or `serve, tpu`; the plain one is for any device.
  const serving = metaGraphs.filter((graph) => tagsOf(graph).includes(servingTag))
  const plain = serving.find((graph) => tagsOf(graph).length === 1)
  const chosen = plain ?? serving[0]
  if (chosen === undefined) {
    const found = metaGraphs.map((graph) => `[${tagsOf(graph)}]`).join(', ') || 'none'
    throw new ModelError(
      'unsupported',
      `${path}: no graph is tagged '${servingTag}'; tags of its graphs: ${found}`,
    )
  }
  return chosen
}

type ReadOptions = Pick<BinaryReadOptions, 'readUnknownFields'>

function decodeSavedModel(bytes: Uint8Array, path: string, options: ReadOptions): SavedModel {
  try {
    messageCost(SavedModelSchema, bytes, { bytes: maxDecodedBytes, depth: maxMessageDepth })
    return fromBinary(SavedModelSchema, bytes, options)
  } catch (error) {
    throw new ModelError('corrupt', `${path} is not a SavedModel: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

export function tagsOf(graph: MetaGraphDef): readonly string[] {
  return graph.metaInfoDef?.tags ?? []
}

async function refuseTextForm(folder: string, error: unknown): Promise<never> {
  if (error instanceof ModelError && error.kind === 'missing') {
    const text = await openModelFile(folder, textFileName).catch(() => undefined)
    if (text !== undefined) {
      await text.close()
      throw new ModelError(
        'unsupported',
        `${join(folder, textFileName)}: the text form is not supported; export ${modelFileName} (tf.saved_model.save writes it, as_text=False)`,
      )
    }
  }
  throw error
}
