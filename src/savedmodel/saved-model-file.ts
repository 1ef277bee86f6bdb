// saved_model.pb -> its messages, and which of its meta graphs and signatures is meant
// (https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/saved_model.proto).
// A fingerprint.pb beside it is ignored: it identifies the model, nothing here depends on it.
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { ModelError, messageOf } from '../errors.ts'
import { type MetaGraphDef, SavedModelSchema } from './generated/saved_model_pb.ts'
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
  const path = join(folder, modelFileName)
  const bytes = await readModelFile(folder, modelFileName, maxModelFileBytes).catch((error) =>
    refuseTextForm(folder, error),
  )
  const { metaGraphs } = decodeSavedModel(bytes, path)
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

function decodeSavedModel(bytes: Uint8Array, path: string) {
  try {
    messageCost(SavedModelSchema, bytes, { bytes: maxDecodedBytes, depth: maxMessageDepth })
    return fromBinary(SavedModelSchema, bytes, { readUnknownFields: false })
  } catch (error) {
    throw new ModelError('corrupt', `${path} is not a SavedModel: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

function tagsOf(graph: MetaGraphDef): readonly string[] {
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
