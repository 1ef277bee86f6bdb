// A graph -> a SavedModel folder that TensorFlow, OpenVINO and tfjs-node load
// (https://www.tensorflow.org/guide/saved_model). The weights are constants inside saved_model.pb
// rather than variables with a checkpoint: one file that is there or not, no restore operations that
// must match it, no table of keys, and nothing that a reader has to bind. What it costs is protobuf's
// limit of 2 GiB, twenty times a ResNet50.
import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { ModelError } from '../errors.ts'
import type { Graph } from '../graph/graph.ts'
import { dataTypeNumber } from './data-types.ts'
import { type Encoded, encoded, field, joined } from './encoded.ts'
import {
  GraphDefSchema,
  MetaGraphDefSchema,
  SavedModelSchema,
  type TensorInfo,
  TensorInfoSchema,
} from './generated/saved_model_pb.ts'
import { maxModelFileBytes } from './limits.ts'
import { encodeNode } from './node-encoding.ts'
import { shapeToProto } from './shape-proto.ts'

const schemaVersion = 1n
const predictMethod = 'tensorflow/serving/predict'

/**
 * The graph version of October 2020 (they count days) and the TensorFlow release of that time: old
 * enough for every runtime in use, and none of the operators written here has changed since.
 */
const producer = 561
const tensorflowVersion = '2.4.0'
/** As TensorFlow writes it: every runtime since 1.0 reads this. */
const minConsumer = 12

/**
 * Writes `folder/saved_model.pb` with the signature `serving_default`. The folder appears whole or
 * not at all; one that is there already is replaced.
 * @throws ModelError `unsupported` where the graph is larger than the format allows, or has conditionals
 */
export async function writeSavedModel(folder: string, graph: Graph): Promise<void> {
  const choice = graph.nodes.find(({ op }) => op === 'If')
  if (choice !== undefined) {
    // Its branches stand in the graph itself (trace.ts), which this format has no form for.
    const found = `node ${choice.name} chooses between branches only when it runs`
    throw new ModelError('unsupported', `${folder}: ${found}`)
  }
  const model = encodeSavedModel(graph)
  if (model.sizeBytes > maxModelFileBytes) {
    throw new ModelError(
      'unsupported',
      `${folder}: saved_model.pb would have ${model.sizeBytes} bytes, the format allows ${maxModelFileBytes}`,
    )
  }
  const target = resolve(folder)
  const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}`)
  await mkdir(temporary, { recursive: true })
  try {
    await writePieces(join(temporary, 'saved_model.pb'), model)
    await replaceFolder(temporary, target)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

function encodeSavedModel(graph: Graph): Encoded {
  const head = create(SavedModelSchema, { savedModelSchemaVersion: schemaVersion })
  const metaGraph = joined([
    encoded(toBinary(MetaGraphDefSchema, describeGraph(graph))),
    field(MetaGraphDefSchema.field.graphDef.number, encodeGraph(graph)),
  ])
  return joined([
    encoded(toBinary(SavedModelSchema, head)),
    field(SavedModelSchema.field.metaGraphs.number, metaGraph),
  ])
}

function describeGraph(graph: Graph) {
  const inputs = graph.inputs.map(({ name, node, dtype, shape }) => [
    name,
    create(TensorInfoSchema, {
      name: `${node}:0`,
      dtype: dataTypeNumber(dtype),
      tensorShape: shapeToProto(shape),
    }),
  ])
  const outputs = graph.outputs.map(({ name, value, dtype, shape }) => [
    name,
    create(TensorInfoSchema, {
      name: `${value.node}:${value.output}`,
      dtype: dataTypeNumber(dtype),
      tensorShape: shapeToProto(shape),
    }),
  ])
  const signature = {
    inputs: Object.fromEntries(inputs) as Record<string, TensorInfo>,
    outputs: Object.fromEntries(outputs) as Record<string, TensorInfo>,
    methodName: predictMethod,
  }
  return create(MetaGraphDefSchema, {
    metaInfoDef: { tags: ['serve'], tensorflowVersion },
    signatureDef: { serving_default: signature },
  })
}

function encodeGraph(graph: Graph): Encoded {
  const versions = create(GraphDefSchema, { versions: { producer, minConsumer } })
  const nodes = graph.nodes.map((node) => field(GraphDefSchema.field.node.number, encodeNode(node)))
  return joined([encoded(toBinary(GraphDefSchema, versions)), ...nodes])
}

async function writePieces(path: string, { pieces }: Encoded): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await writeFile(file, pieces)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Renames within one folder, so that a reader finds the old model or the new one. */
async function replaceFolder(source: string, target: string): Promise<void> {
  const old = `${source}.old`
  const existed = await rename(target, old).then(
    () => true,
    () => false,
  )
  await rename(source, target)
  if (existed) {
    await rm(old, { recursive: true, force: true })
  }
}
