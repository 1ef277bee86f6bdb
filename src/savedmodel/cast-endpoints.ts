// A SavedModel whose tensors can be given and asked for in other element types: Cast nodes stand beside
// its inputs and outputs, all else stays as its author wrote it. For runtimes that have no tensors of
// the types in its signature.
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { ModelError } from '../errors.ts'
import type { DataType } from '../graph/data-type.ts'
import { dataTypeNumber } from './data-types.ts'
import {
  type AttrValue,
  AttrValueSchema,
  type GraphDef,
  type NodeDef,
  NodeDefSchema,
  SavedModelSchema,
} from './generated/saved_model_pb.ts'
import { modelFileName, readWholeModel } from './saved-model-file.ts'

/** What a tensor of the signature is to be beside what it is. */
export interface EndpointCast {
  /** The graph's name for it, e.g. `serving_default_images:0`. */
  readonly tensor: string
  readonly has: DataType
  readonly wanted: DataType
}

export interface EndpointCasts {
  readonly input: EndpointCast
  readonly output: EndpointCast
}

/** The tensors to give and to ask for; those whose types were right are the same as before. */
interface CastNames {
  readonly input: string
  readonly output: string
}

/** What a SavedModel may have beside saved_model.pb that TensorFlow reads. */
const companions = ['variables', 'assets']
/** Nodes without operands whose value is given: a Cast can take their place. */
const placeholders = new Set(['Placeholder', 'PlaceholderV2'])

/**
 * Writes the model of `folder` to `target`, with casts; weights are linked, not copied.
 * @throws ModelError `unsupported` where an input is not a placeholder, else as readServingGraph
 */
export async function writeWithCasts(
  folder: string,
  target: string,
  { input, output }: EndpointCasts,
): Promise<CastNames> {
  const { model, serving } = await readWholeModel(folder)
  const graph = serving.graphDef
  if (graph === undefined) {
    throw new ModelError('corrupt', `${join(folder, modelFileName)} has no graph`)
  }
  const names = { input: castInput(graph, input), output: castOutput(graph, output) }
  await mkdir(target, { recursive: true })
  await writeFile(join(target, modelFileName), toBinary(SavedModelSchema, model))
  // A link to what is not there is as good as nothing: TensorFlow asks whether the files exist.
  for (const name of companions) await symlink(resolve(folder, name), join(target, name))
  return names
}

/** The placeholder becomes a cast of a new one, under its old name: what reads it need not change. */
function castInput(graph: GraphDef, { tensor, has, wanted }: EndpointCast): string {
  if (has === wanted) return tensor
  const { node: name } = parseTensor(tensor)
  const node = graph.node.find((one) => one.name === name)
  if (node === undefined || !placeholders.has(node.op)) {
    const found = node === undefined ? 'which the graph lacks' : `the result of ${node.op}`
    throw new ModelError(
      'unsupported',
      `its input ${tensor} is of ${has} and ${found}; only a placeholder can be given as ${wanted}`,
    )
  }
  const fed = freeName(graph, `${name}/as_${wanted}`)
  const { shape } = node.attr
  graph.node.push(
    create(NodeDefSchema, {
      name: fed,
      op: 'Placeholder',
      attr: { dtype: typeAttribute(wanted), ...(shape === undefined ? {} : { shape }) },
    }),
  )
  const { dtype: _, shape: __, ...notes } = node.attr
  Object.assign(node, { op: 'Cast', input: [fed] })
  node.attr = { ...notes, ...castAttributes(wanted, has) }
  return `${fed}:0`
}

function castOutput(graph: GraphDef, { tensor, has, wanted }: EndpointCast): string {
  if (has === wanted) return tensor
  const { node, output } = parseTensor(tensor)
  const name = freeName(graph, `${node}/as_${wanted}`)
  graph.node.push(castNode(name, output === 0 ? node : `${node}:${output}`, { has, wanted }))
  return `${name}:0`
}

function castNode(
  name: string,
  operand: string,
  { has, wanted }: Pick<EndpointCast, 'has' | 'wanted'>,
): NodeDef {
  const attr = castAttributes(has, wanted)
  return create(NodeDefSchema, { name, op: 'Cast', input: [operand], attr })
}

function castAttributes(source: DataType, result: DataType): Record<string, AttrValue> {
  const Truncate = create(AttrValueSchema, { value: { case: 'b', value: false } })
  return { SrcT: typeAttribute(source), DstT: typeAttribute(result), Truncate }
}

function typeAttribute(type: DataType): AttrValue {
  return create(AttrValueSchema, { value: { case: 'type', value: dataTypeNumber(type) } })
}

/** `node` or `node:2` */
function parseTensor(tensor: string): { readonly node: string; readonly output: number } {
  const [node = '', output = '0'] = tensor.split(':')
  return { node, output: Number(output) }
}

function freeName(graph: GraphDef, wanted: string): string {
  const taken = new Set(graph.node.map((node) => node.name))
  let name = wanted
  for (let count = 1; taken.has(name); count++) name = `${wanted}_${count}`
  return name
}
