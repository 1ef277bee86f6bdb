// The attributes of nodes as a graph keeps them: those that stand in the node, and those that were
// left out because they have the default values that the operator's definition states.
import { ModelError } from '../errors.ts'
import type { Attribute } from '../graph/graph.ts'
import { attributeFromProto } from './attributes.ts'
import type { AttrValue, NodeDef } from './generated/saved_model_pb.ts'
import type { GraphSource } from './graph-source.ts'
import { describeNode, type Value } from './scope.ts'
import { createRepeatBudget } from './tensor-proto.ts'

type Attributes = Readonly<Record<string, Attribute>>

/** A function that converts each node once, however often its function is called. */
export function createNodeAttributes(
  source: GraphSource,
): (place: Pick<Value, 'scope' | 'node'>) => Attributes {
  const budget = createRepeatBudget()
  const known = new Map<NodeDef, Attributes>()

  return (place) => {
    const { node } = place
    let attributes = known.get(node)
    if (attributes === undefined) {
      const where = `${source.path}: ${describeNode(place)}`
      const entries = statedAttributes(node, source).map(([name, value]) => {
        return [name, attributeFromProto(value, `${where}, attribute ${name}`, budget)]
      })
      attributes = Object.fromEntries(entries) as Attributes
      checkConstant(node, attributes, where)
      known.set(node, attributes)
    }
    return attributes
  }
}

/** Names that start with `_` are TensorFlow's notes to itself (_output_shapes, _class). */
function statedAttributes(node: NodeDef, { operators }: GraphSource): [string, AttrValue][] {
  const own = Object.entries(node.attr).filter(([name]) => !name.startsWith('_'))
  const left = [...operators.defaults(node.op)].filter(([name]) => !Object.hasOwn(node.attr, name))
  return [...own, ...left]
}

function checkConstant(node: NodeDef, attributes: Attributes, where: string): void {
  if (node.op === 'Const' && attributes.value?.kind !== 'tensor') {
    throw new ModelError('corrupt', `${where} has no value`)
  }
}
