// SavedModels put together message by message, for tests of what no exporter would write.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import type { Attribute } from '../../src/graph/graph.ts'
import { attributeToProto } from '../../src/savedmodel/attributes.ts'
import {
  type AttrValueSchema,
  type FunctionDefSchema,
  type NodeDefSchema,
  SavedModelSchema,
} from '../../src/savedmodel/generated/saved_model_pb.ts'

export type NodeInit = MessageInitShape<typeof NodeDefSchema>
export type FunctionInit = MessageInitShape<typeof FunctionDefSchema>

/** What differs from a plain model tagged `serve`. */
export interface Differences {
  readonly functions?: FunctionInit[]
  readonly tags?: string[]
  readonly restoreOpName?: string
  /** What the loader runs after restoring, as TensorFlow 1 names it, and as TensorFlow 2 does. */
  readonly mainOpName?: string
  readonly initOpName?: string
}

const float = 1

/** A node with attributes of a graph, or as messages. */
export function node(
  name: string,
  op: string,
  input: string[] = [],
  attr: Record<string, Attribute | MessageInitShape<typeof AttrValueSchema>> = {},
): NodeInit {
  const entries = Object.entries(attr).map(([key, value]) => [
    key,
    'kind' in value ? attributeToProto(value) : value,
  ])
  return { name, op, input, attr: Object.fromEntries(entries) }
}

export const call = (name: string, input: string[], called: string): NodeInit =>
  node(name, 'PartitionedCall', input, { f: { value: { case: 'func', value: { name: called } } } })

/** A function of one argument `x` and one result `y`, which is the reference `result`. */
export function unary(name: string, nodes: NodeInit[], result: string): FunctionInit {
  const signature = { name, inputArg: [{ name: 'x' }], outputArg: [{ name: 'y' }] }
  return { signature, nodeDef: nodes, ret: { y: result } }
}

/** `saved_model.pb` with input `x:0` and output `y:0`, the names of two of the nodes. */
export async function writeModel(
  folder: string,
  nodes: NodeInit[],
  { functions = [], tags = ['serve'], restoreOpName = '', ...named }: Differences = {},
): Promise<void> {
  const tensor = (name: string) => ({ name: `${name}:0`, dtype: float, tensorShape: {} })
  const { mainOpName, initOpName } = named
  const init = '__saved_model_init_op'
  const model = create(SavedModelSchema, {
    savedModelSchemaVersion: 1n,
    metaGraphs: [
      {
        metaInfoDef: { tags },
        graphDef: { node: [node('x', 'Placeholder'), ...nodes], library: { function: functions } },
        saverDef: { restoreOpName },
        collectionDef: mainOpName
          ? { saved_model_main_op: { nodeList: { value: [mainOpName] } } }
          : {},
        signatureDef: {
          serving_default: { inputs: { x: tensor('x') }, outputs: { y: tensor('y') } },
          ...(initOpName && { [init]: { outputs: { [init]: tensor(initOpName) } } }),
        },
      },
    ],
  })
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'saved_model.pb'), toBinary(SavedModelSchema, model))
}

/** Nodes of a model that adds the variable with checkpoint key `v`, float32 [4], to its input. */
export const variableModel: readonly [NodeInit[], Differences] = [
  [
    node('v', 'VariableV2', [], { dtype: { kind: 'type', value: 'float32' } }),
    node('y', 'AddV2', ['x', 'v']),
    node('names', 'Const', [], texts('v')),
    node('slices', 'Const', [], texts('')),
    node('restored', 'RestoreV2', ['x', 'names', 'slices']),
    node('assign', 'Assign', ['v', 'restored']),
    node('restore_all', 'NoOp', ['^assign']),
  ],
  { restoreOpName: 'restore_all' },
]

export function texts(...values: string[]) {
  const stringVal = values.map((text) => Buffer.from(text))
  const dim = [{ size: BigInt(values.length) }]
  const tensor = { dtype: 7, tensorShape: { dim }, stringVal }
  return { value: { value: { case: 'tensor' as const, value: tensor } } }
}
