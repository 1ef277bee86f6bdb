// What the operators of a model are called by and how many values they give. A SavedModel carries the
// definitions of its operators (stripped_op_list); they resolve `node:output_arg:2` to a number and
// give the attributes that were left out because they have their default values.
import type { AttrValue, NodeDef, OpDef, OpDef_ArgDef } from './generated/saved_model_pb.ts'

export interface OperatorDefinitions {
  /**
   * The position among all outputs of `node` of the `index`-th value of its output `argument`,
   * or `undefined` where the operator has no such output.
   */
  outputIndex(node: NodeDef, argument: string, index: number): number | undefined
  /** Default values of an operator's attributes. */
  defaults(op: string): ReadonlyMap<string, AttrValue>
}

/**
 * Outputs of operators that have several, for models that do not carry definitions
 * (https://www.tensorflow.org/api_docs/python/tf/raw_ops). All others have one, maybe a list.
 */
const knownOutputs: Readonly<Record<string, readonly string[]>> = {
  FusedBatchNorm: ['y', 'batch_mean', 'batch_variance', 'reserve_space_1', 'reserve_space_2'],
  FusedBatchNormV2: ['y', 'batch_mean', 'batch_variance', 'reserve_space_1', 'reserve_space_2'],
  FusedBatchNormV3: [
    'y',
    'batch_mean',
    'batch_variance',
    'reserve_space_1',
    'reserve_space_2',
    'reserve_space_3',
  ],
  MaxPoolWithArgmax: ['output', 'argmax'],
  Merge: ['output', 'value_index'],
  Switch: ['output_false', 'output_true'],
  TopK: ['values', 'indices'],
  TopKV2: ['values', 'indices'],
  Unique: ['y', 'idx'],
}

const noDefaults: ReadonlyMap<string, AttrValue> = new Map()

export function createOperatorDefinitions(definitions: readonly OpDef[]): OperatorDefinitions {
  const byName = new Map(definitions.map((definition) => [definition.name, definition]))
  const defaults = new Map(definitions.map(({ name, attr }) => [name, defaultsOf(attr)]))
  return {
    outputIndex(node, argument, index) {
      const definition = byName.get(node.op)
      return definition === undefined
        ? knownOutputIndex(node.op, argument, index)
        : definedOutputIndex(node, definition.outputArg, { argument, index })
    },
    defaults: (op) => defaults.get(op) ?? noDefaults,
  }
}

function defaultsOf(attributes: OpDef['attr']): ReadonlyMap<string, AttrValue> {
  return new Map(
    attributes.flatMap(({ name, defaultValue }) => (defaultValue ? [[name, defaultValue]] : [])),
  )
}

function knownOutputIndex(op: string, argument: string, index: number): number | undefined {
  const outputs = Object.hasOwn(knownOutputs, op) ? knownOutputs[op] : undefined
  if (outputs === undefined) {
    return index
  }
  const position = outputs.indexOf(argument)
  return position < 0 || index > 0 ? undefined : position
}

function definedOutputIndex(
  node: NodeDef,
  outputs: readonly OpDef_ArgDef[],
  { argument, index }: { readonly argument: string; readonly index: number },
): number | undefined {
  let before = 0
  for (const output of outputs) {
    const count = valueCount(node, output)
    if (output.name === argument) {
      return index < count ? before + index : undefined
    }
    before += count
  }
  return undefined
}

/** How many values one output argument stands for: an attribute says so where it is a list. */
function valueCount(node: NodeDef, { numberAttr, typeListAttr }: OpDef_ArgDef): number {
  if (numberAttr !== '') {
    const count = node.attr[numberAttr]?.value
    return count?.case === 'i' ? Number(count.value) : 0
  }
  if (typeListAttr !== '') {
    const types = node.attr[typeListAttr]?.value
    return types?.case === 'list' ? types.value.type.length : 0
  }
  return 1
}
