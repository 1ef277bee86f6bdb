// A reshape of a reshape is one reshape, or none where it leads back.
import { sameExtents } from '../extent.ts'
import { lookUp, type Pass } from './draft.ts'

export const collapseReshapes: Pass = (draft) => {
  const { producer } = lookUp(draft)
  const aliases = new Map<string, string>()
  const original = (name: string) => aliases.get(name) ?? name
  const nodes = draft.nodes.flatMap((given) => {
    const node = { ...given, inputs: given.inputs.map(original) }
    if (node.op !== 'Reshape') return [node]
    let x = node.inputs[0] as string
    for (let inner = producer(x); inner?.op === 'Reshape'; inner = producer(x)) {
      x = original(inner.inputs[0] as string)
    }
    const output = node.outputs[0] as string
    const [before, after] = [draft.shapes.get(x), draft.shapes.get(output)]
    if (before === undefined || after === undefined || !sameExtents(before, after)) {
      return [{ ...node, inputs: [x, node.inputs[1] as string] }]
    }
    aliases.set(output, x)
    return []
  })
  return { ...draft, nodes, output: original(draft.output) }
}
