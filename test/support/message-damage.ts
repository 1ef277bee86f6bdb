// Damage to a SavedModel's messages that keeps them well-formed: references, operators, names, shapes
// and calls get wrong or hostile values, which bytes flipped at random seldom give.
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type AttrValue,
  type MetaGraphDef,
  type NodeDef,
  SavedModelSchema,
  type TensorShapeProto,
} from '../../src/savedmodel/generated/saved_model_pb.ts'
import type { Random } from './mutations.ts'

type Damage = (graph: MetaGraphDef, random: Random) => void

const sizes = [-2n, -1n, 0n, 1n, 3n, 1n << 20n, 1n << 31n, 1n << 40n, (1n << 63n) - 1n]
const operators = ['Identity', 'IdentityN', 'ReadVariableOp', 'VarHandleOp', 'Const', 'Placeholder']
const dataTypes = [0, 1, 3, 4, 7, 8, 9, 14, 19, 20, 101, 9999]

function allNodes(graph: MetaGraphDef): readonly NodeDef[] {
  const inFunctions = graph.graphDef?.library?.function.flatMap(({ nodeDef }) => nodeDef) ?? []
  return [...(graph.graphDef?.node ?? []), ...inFunctions]
}

function attributesOf(graph: MetaGraphDef): readonly AttrValue[] {
  return allNodes(graph).flatMap(({ attr }) => Object.values(attr))
}

function spoil(shape: TensorShapeProto | undefined, random: Random): void {
  for (const dim of shape?.dim ?? []) {
    dim.size = random.below(2) === 0 ? dim.size : random.pick(sizes)
  }
}

const kinds: readonly Damage[] = [
  function otherInput(graph, random) {
    const nodes = allNodes(graph)
    const { input } = random.pick(nodes)
    const other = random.pick(nodes)
    input[random.below(input.length + 1)] = random.pick([other.name, ...other.input, '', 'x:7'])
  },
  function otherOperator(graph, random) {
    const nodes = allNodes(graph)
    random.pick(nodes).op = random.pick([...operators, random.pick(nodes).op])
  },
  function otherName(graph, random) {
    const nodes = allNodes(graph)
    random.pick(nodes).name = random.pick([
      random.pick(nodes).name,
      '',
      '__proto__',
      'x'.repeat(9999),
    ])
  },
  function otherCall(graph, random) {
    const functions = graph.graphDef?.library?.function ?? []
    const calls = attributesOf(graph).filter(({ value }) => value.case === 'func')
    if (functions.length > 0 && calls.length > 0) {
      const { value } = random.pick(calls)
      const called = value.case === 'func' ? value.value : undefined
      Object.assign(called ?? {}, { name: random.pick(functions).signature?.name ?? '' })
    }
  },
  function otherResult(graph, random) {
    for (const { ret, nodeDef } of graph.graphDef?.library?.function ?? []) {
      for (const name of Object.keys(ret)) {
        const node = random.pick(nodeDef)
        ret[name] = random.pick([ret[name] ?? '', `${node.name}:output:0`, node.input[0] ?? ''])
      }
    }
  },
  function otherShape(graph, random) {
    const attributes = attributesOf(graph).filter(({ value }) => value.case === 'shape')
    const { value } = random.pick(attributes)
    spoil(value.case === 'shape' ? value.value : undefined, random)
  },
  function otherTensor(graph, random) {
    const attributes = attributesOf(graph).filter(({ value }) => value.case === 'tensor')
    const { value } = random.pick(attributes)
    if (value.case === 'tensor') {
      spoil(value.value.tensorShape, random)
      value.value.dtype = random.pick([value.value.dtype, ...dataTypes])
    }
  },
  function lostAttribute(graph, random) {
    const { attr } = random.pick(allNodes(graph))
    for (const name of Object.keys(attr).slice(0, 1 + random.below(2))) {
      delete attr[name]
    }
  },
  function otherSignature(graph, random) {
    for (const { inputs, outputs } of Object.values(graph.signatureDef)) {
      const info = random.pick([...Object.values(inputs), ...Object.values(outputs)])
      info.name = random.pick([info.name, random.pick(allNodes(graph)).name, 'nothing:0', ''])
      info.dtype = random.pick([info.dtype, ...dataTypes])
      spoil(info.tensorShape, random)
    }
  },
]

/** The bytes of a saved_model.pb, wrong in one to three places. */
export function damageMessages(bytes: Uint8Array, random: Random): Buffer {
  const model = fromBinary(SavedModelSchema, bytes)
  for (let left = 1 + random.below(3); left > 0; left -= 1) {
    random.pick(kinds)(random.pick(model.metaGraphs), random)
  }
  return Buffer.from(toBinary(SavedModelSchema, model))
}
