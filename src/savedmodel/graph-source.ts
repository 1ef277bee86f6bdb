// What the trace of a graph starts from: the main graph's nodes, the functions they call, and the
// definitions of their operators, each found by name.
import { ModelError } from '../errors.ts'
import type { FunctionDef, MetaGraphDef, NodeDef } from './generated/saved_model_pb.ts'
import { maxNameLength } from './limits.ts'
import { createOperatorDefinitions, type OperatorDefinitions } from './operator-definitions.ts'

/** The nodes of the main graph or of one function. */
export interface Body {
  /** The function's name; empty for the main graph. */
  readonly name: string
  readonly nodes: ReadonlyMap<string, NodeDef>
  /** The position of each argument by its name. */
  readonly arguments: ReadonlyMap<string, number>
  /** Where each result comes from, as references inside the body. */
  readonly results: readonly string[]
  readonly resultNames: readonly string[]
}

export interface GraphSource {
  /** The path of saved_model.pb, for messages. */
  readonly path: string
  readonly main: Body
  readonly operators: OperatorDefinitions
  /** The function that `node` calls, or `undefined` for an ordinary operator. */
  calledBy(node: NodeDef): Body | undefined
  /** The function of a conditional for this condition, or `undefined` for any other operator. */
  branchOf(node: NodeDef, condition: boolean): Body | undefined
}

const callOperators = new Set(['PartitionedCall', 'StatefulPartitionedCall'])
/** They call one of two functions with all inputs but the first, which is the condition. */
export const conditionals = new Set(['If', 'StatelessIf'])

export function createGraphSource(metaGraph: MetaGraphDef, path: string): GraphSource {
  const { node = [], library } = metaGraph.graphDef ?? {}
  const functions = new Map((library?.function ?? []).map((f) => [f.signature?.name ?? '', f]))
  const bodies = new Map<string, Body>()
  const main = {
    name: '',
    nodes: nodesByName(node, path),
    arguments: new Map<string, number>(),
    results: [],
    resultNames: [],
  }

  function bodyOf(name: string, definition: FunctionDef): Body {
    let body = bodies.get(name)
    if (body === undefined) {
      body = functionBody(name, definition, `${path}: function ${name}`)
      bodies.set(name, body)
    }
    return body
  }

  return {
    path,
    main,
    operators: createOperatorDefinitions(metaGraph.metaInfoDef?.strippedOpList?.op ?? []),
    calledBy(caller) {
      // TensorFlow 1 calls a function by using its name as operator.
      const called = callOperators.has(caller.op) ? functionNameOf(caller) : caller.op
      const definition = functions.get(called)
      if (definition === undefined && callOperators.has(caller.op)) {
        const message = `${path}: node ${caller.name} calls function '${called}', which is not in the model`
        throw new ModelError('corrupt', message)
      }
      return definition && bodyOf(called, definition)
    },
    branchOf(node, condition) {
      if (!conditionals.has(node.op)) return undefined
      const called = functionNameOf(node, condition ? 'then_branch' : 'else_branch')
      const definition = functions.get(called)
      return definition && bodyOf(called, definition)
    },
  }
}

function functionNameOf(node: NodeDef, attribute = 'f'): string {
  const value = node.attr[attribute]?.value
  return value?.case === 'func' ? value.value.name : ''
}

function functionBody(name: string, definition: FunctionDef, where: string): Body {
  const { inputArg = [], outputArg = [] } = definition.signature ?? {}
  for (const { name: argument, numberAttr, typeListAttr } of [...inputArg, ...outputArg]) {
    if (numberAttr !== '' || typeListAttr !== '') {
      throw new ModelError(
        'unsupported',
        `${where}: argument ${argument} is a list, which is not supported`,
      )
    }
  }
  return {
    name,
    nodes: nodesByName(definition.nodeDef, where),
    arguments: new Map(inputArg.map((argument, index) => [argument.name, index])),
    results: outputArg.map((result) => definition.ret[result.name] ?? ''),
    resultNames: outputArg.map((result) => result.name),
  }
}

function nodesByName(nodes: readonly NodeDef[], where: string): ReadonlyMap<string, NodeDef> {
  const byName = new Map<string, NodeDef>()
  for (const node of nodes) {
    if (node.name.length > maxNameLength) {
      throw new ModelError(
        'corrupt',
        `${where}: the name of a node has ${node.name.length} characters, at most ${maxNameLength} are allowed`,
      )
    }
    if (byName.has(node.name)) {
      throw new ModelError('corrupt', `${where}: two nodes are named '${node.name}'`)
    }
    byName.set(node.name, node)
  }
  return byName
}
