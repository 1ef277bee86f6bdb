// Graph -> ONNX: the served output's nodes are converted one by one through the table of operators,
// then passes fold what can be folded. Images enter as uint8 [batch, height, width, 3].
import { ModelError } from '../errors.ts'
import type { Graph, GraphNode, ValueRef } from '../graph/graph.ts'
import { classMapsOutput, withClassMaps } from './class-maps.ts'
import { Emitter } from './emitter.ts'
import { describeExtents } from './extent.ts'
import { type ImageInput, type InputStage, readImageInput, writeInput } from './input-stage.ts'
import { withoutKeptDropouts } from './kept-dropouts.ts'
import { inPlainOrder, reshape } from './layout.ts'
import { mergeDilations } from './merge-dilations.ts'
import { type OnnxModel, pixelsName, scoresName } from './model.ts'
import { OperandError } from './operand-error.ts'
import { Operation } from './operation.ts'
import { operators } from './operators.ts'
import { collapseReshapes } from './passes/collapse-reshapes.ts'
import { type Draft, dropUnread, type Pass } from './passes/draft.ts'
import { foldAffine } from './passes/fold-affine.ts'
import { foldForward } from './passes/fold-forward.ts'
import { foldPadding } from './passes/fold-padding.ts'
import { fuseGelu, fuseHardSigmoid, fuseHardSwish } from './passes/fuse-activations.ts'
import { fuseLayerNormalization } from './passes/fuse-layer-normalization.ts'
import { scoreKind, selectOutput } from './select-output.ts'
import type { Stored, Value } from './value.ts'

// Whoever changes what a model converts to changes `conversionVersion` (versions.ts) too.

export interface ConversionOptions {
  /** The model's name, for messages. */
  readonly model: string
  /** The signature's output to serve, or `classMapsOutput`; null chooses. */
  readonly output: string | null
  /** Null where the model is given what its signature takes, and not pixels. */
  readonly inputStage: InputStage | null
  /** Height and width where the signature leaves them open, in pixels; absent refuses such models. */
  readonly openSize?: number
}

export interface Conversion {
  readonly onnx: OnnxModel
  readonly input: ImageInput
  readonly output: {
    readonly name: string
    /** Null where only a run can tell: probabilities may be spelled in many ways. */
    readonly kind: 'logits' | 'probabilities' | null
    readonly classes: number
  }
  readonly report: ConversionReport
  /** What the graph computes in; absent, float32. */
  readonly precision?: 'int8' | 'fp16'
}

export interface ConversionReport {
  /** Kinds of TensorFlow operators that were converted, e.g. `Conv2D`. */
  readonly operators: readonly string[]
  readonly nodes: number
  /** Transposes left besides the one of the uint8 input. */
  readonly transposes: number
}

const passes: readonly Pass[] = [
  collapseReshapes,
  fuseHardSigmoid,
  fuseHardSwish,
  fuseGelu,
  fuseLayerNormalization,
  foldPadding,
  foldAffine,
  foldForward,
]

/**
 * A graph that computes with the size of the batch, or across its images, is converted for one image
 * at a time: then its answers cannot depend on the company either.
 * @throws ModelError `unsupported`, naming model, node and operator
 */
export function convertGraph(given: Graph, options: ConversionOptions): Conversion {
  const merged = mergeDilations(withoutKeptDropouts(given))
  const { model } = options
  const graph = options.output === classMapsOutput ? withClassMaps(merged, model) : merged
  const input = readImageInput(graph, options)
  try {
    return convertFor(graph, input, options)
  } catch (error) {
    if (input.batch !== null || !(error instanceof ModelError)) throw error
    try {
      return convertFor(graph, { ...input, batch: 1 }, options)
    } catch {
      throw error
    }
  }
}

function convertFor(graph: Graph, input: ImageInput, options: ConversionOptions): Conversion {
  const { model } = options
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]))
  const served = selectOutput(graph, model, options.output)
  const live = liveNodes(graph, served.value.node)
  const emitter = new Emitter()
  const image = writeInput(emitter, input, { stage: options.inputStage, live })
  const values = new Map<string, Converted>([[input.node, [image]]])
  for (const node of live) {
    if (node.name !== input.node)
      values.set(
        node.name,
        attempt(() => convertNode(node, { emitter, values, model })),
      )
  }
  const scores = resultAt(values, served.value)
  emitter.enter('output')
  const last = writeScores(emitter, scores, { model, name: served.name, batch: input.batch })
  const draft = passes.reduce<Draft>((current, pass) => dropUnread(pass(current)), {
    nodes: emitter.nodes,
    initializers: emitter.initializers,
    shapes: emitter.shapes,
    output: last.name,
  })
  const onnx = nameOutput(draft, {
    model,
    input: { ...input, dtype: options.inputStage === null ? input.dtype : 'uint8' },
    classes: last.shape[1] as number,
  })
  return {
    onnx,
    input,
    output: {
      name: served.name,
      kind: namedKind(served.name) ?? scoreKind(nodes, served.value),
      classes: last.shape[1] as number,
    },
    report: {
      operators: [...new Set(live.map((node) => node.op))].sort(),
      nodes: onnx.nodes.length,
      transposes: onnx.nodes.filter(
        ({ op, inputs }) => op === 'Transpose' && inputs[0] !== onnx.input.name,
      ).length,
    },
  }
}

/** Two names are the contract for what they hold. */
function namedKind(name: string): 'logits' | 'probabilities' | null {
  return name === 'logits' || name === 'probabilities' ? name : null
}

/** The nodes that the served output is computed from, in topological order. */
function liveNodes(graph: Graph, output: string): GraphNode[] {
  const needed = new Set([output])
  const live = graph.nodes.toReversed().filter((node) => {
    if (!needed.has(node.name)) return false
    for (const input of node.inputs) needed.add(input.node)
    return true
  })
  return live.reverse()
}

interface NodeContext {
  readonly emitter: Emitter
  readonly values: ReadonlyMap<string, Converted>
  readonly model: string
}

/** What a node gives, or why it cannot be converted: the branch that is not taken needs not be. */
type Converted = readonly Value[] | ModelError

function attempt(convert: () => readonly Value[]): Converted {
  try {
    return convert()
  } catch (error) {
    if (error instanceof ModelError) return error
    throw error
  }
}

function resultAt(values: NodeContext['values'], { node, output }: ValueRef): Value | undefined {
  const converted = values.get(node)
  if (converted instanceof ModelError) throw converted
  return converted?.[output]
}

/** What an `If` (read-saved-model.ts) gives: the results of the branch that its condition takes. */
function chooseBranch(node: GraphNode, { emitter, values, model }: NodeContext): readonly Value[] {
  const [first, ...results] = node.inputs
  const given = first === undefined ? undefined : resultAt(values, first)
  const operation = new Operation(node, { emitter, model, inputs: given ? [given] : [] })
  const [truth] = operation.constant(0, 'condition').elements
  const half = results.length / 2
  const chosen = truth ? results.slice(0, half) : results.slice(half)
  return chosen.map((one) => resultAt(values, one) ?? operation.unsupported('chooses nothing'))
}

/** Why an operator that is in no table is not converted. */
function refusalOf(op: string): string {
  if (!/^(Stateless)?(Random|TruncatedNormal|Multinomial)/.test(op)) {
    return 'is an operator that cannot be converted to ONNX'
  }
  const keras =
    'of Keras with ExportArchive and `lambda x: model(x, training=False)`, see docs/models.md'
  return `makes random numbers, which no answer should depend on: export the model as it is at inference (${keras})`
}

function convertNode(node: GraphNode, context: NodeContext): readonly Value[] {
  if (node.op === 'If') return chooseBranch(node, context)
  const { emitter, values, model } = context
  const inputs = node.inputs.map((reference) => {
    const value = resultAt(values, reference)
    if (value !== undefined) return value
    throw new ModelError(
      'unsupported',
      `model ${model}: node "${node.name}" (${node.op}) reads output ${reference.output} of "${reference.node}", which is not converted.`,
    )
  })
  const operation = new Operation(node, { emitter, inputs, model })
  const operator = operators.get(node.op)
  if (operator === undefined) {
    return operation.unsupported(refusalOf(node.op))
  }
  emitter.enter(node.name)
  try {
    const result = operator(operation)
    return Array.isArray(result) ? result : [result as Value]
  } catch (error) {
    if (error instanceof OperandError) return operation.unsupported(error.message)
    // Operators take the operands that TensorFlow gives them; a damaged graph may lack some.
    const isOdd = error instanceof TypeError || error instanceof RangeError
    if (isOdd && !/This is a bug/.test(error.message))
      return operation.unsupported(`has ${inputs.length} operands, which do not fit its operator`)
    throw error
  }
}

/** The scores as [batch, classes]. */
function writeScores(
  emitter: Emitter,
  scores: Value | undefined,
  { model, name, batch }: { model: string; name: string; batch: number | null },
): Stored {
  if (name === classMapsOutput) return writeMaps(emitter, scores, model)
  const shape = scores?.shape ?? null
  const isFlat =
    shape !== null && shape.length >= 2 && shape.slice(1, -1).every((size) => size === 1)
  const isRowAnImage = shape?.[0] === (batch ?? -1) && (shape.at(-1) as number) > 0
  const isComputed = scores !== undefined && scores.kind !== 'known'
  if (!isComputed || !isFlat || !isRowAnImage || scores.dtype !== 'float32') {
    throw new ModelError(
      'unsupported',
      `model ${model}: its output "${name}" has shape ${describeExtents(shape)}, expected [batch, classes] of float32.`,
    )
  }
  const flat = reshape(emitter, scores, [scores.shape[0] as number, scores.shape.at(-1) as number])
  return inPlainOrder(emitter, flat)
}

/** Class maps [batch, height, width, classes] as [batch, height * width * classes]. */
function writeMaps(emitter: Emitter, maps: Value | undefined, model: string): Stored {
  const [batch, ...sizes] = maps?.shape ?? []
  const isWhole = sizes.length > 0 && sizes.every((size) => size > 0)
  if (maps === undefined || maps.kind === 'known' || batch === undefined || !isWhole) {
    const found = describeExtents(maps?.shape ?? null)
    throw new ModelError('unsupported', `model ${model}: its class maps have the shape ${found}.`)
  }
  const places = sizes.reduce((product, size) => product * size, 1)
  return inPlainOrder(emitter, reshape(emitter, inPlainOrder(emitter, maps), [batch, places]))
}

/** The model with its output under a fixed name. */
function nameOutput(
  draft: Draft,
  { model, input, classes }: { model: string; input: ImageInput; classes: number },
): OnnxModel {
  const rename = (name: string) => (name === draft.output ? scoresName : name)
  const nodes = draft.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }))
  const batch = input.batch ?? 'batch'
  return {
    name: model,
    nodes,
    initializers: draft.initializers,
    input: { name: pixelsName, dtype: input.dtype, shape: [batch, input.height, input.width, 3] },
    output: { name: scoresName, dtype: 'float32', shape: [batch, classes] },
  }
}
