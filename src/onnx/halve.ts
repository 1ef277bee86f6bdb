// A converted graph computing in float16: the nodes that take the time, and those between them that
// lose nothing by it. Sums over many values, exponentials and the scores stay float32, as in
// PyTorch's autocast lists (https://docs.pytorch.org/docs/stable/amp.html#cuda-op-specific-behavior).
import { toHalves } from '../graph/half.ts'
import { float32Values, type Tensor } from '../graph/tensor.ts'
import { elementType } from './encode.ts'
import { int, type OnnxModel, type OnnxNode } from './model.ts'

// Whoever changes what becomes of a graph changes `halveVersion` (versions.ts) too.

/** Always worth it: a GPU has units of its own for products of float16. */
const heavy = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul'])

/** Computed in float16 where an input is so already; otherwise a cast would cost more. */
const following = new Set([
  ...['Add', 'Sub', 'Mul', 'Max', 'Min', 'Relu', 'LeakyRelu', 'PRelu', 'Clip'],
  ...['Sigmoid', 'Tanh', 'HardSigmoid', 'HardSwish', 'Gelu', 'Elu'],
  ...['MaxPool', 'Pad', 'Concat', 'Transpose', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten'],
  ...['Identity', 'Slice', 'Split', 'DepthToSpace', 'SpaceToDepth'],
])

/** Nodes whose results are never float, whatever they read. */
const notFloat = new Set([
  ...['Shape', 'Size', 'ArgMax', 'ArgMin', 'NonZero'],
  ...['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'],
  ...['And', 'Or', 'Xor', 'Not', 'IsNaN', 'IsInf'],
])

/** What passes a value on as it is. */
const moving = new Set(['Transpose', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity'])

/** The input that gives a node's result its type, where that is not the first. */
const typedBy: Readonly<Record<string, number>> = { Where: 1, OneHot: 2 }

const halfOf = (name: string) => `${name}/float16`

/** The same graph in float16; its input and its scores keep their types. */
export function halveModel(model: OnnxModel): OnnxModel {
  const draft = new Halving(model)
  for (const node of model.nodes) draft.add(node)
  return draft.end()
}

class Halving {
  readonly #model: OnnxModel
  readonly #nodes: OnnxNode[] = []
  readonly #initializers: Map<string, Tensor>
  /** Every value of floats, under its name in the given graph. */
  readonly #floats = new Set<string>()
  /** Those that are there as float32, and as float16. */
  readonly #wide = new Set<string>()
  readonly #halves = new Set<string>()
  /** Whole numbers, which float16 holds to 2^11 only. */
  readonly #whole: ReadonlySet<string>

  constructor(model: OnnxModel) {
    this.#model = model
    this.#initializers = new Map(model.initializers)
    this.#whole = wholeNumbers(model)
    const { input, initializers } = model
    const given = [...initializers].filter(([, { dtype }]) => dtype === 'float32')
    for (const [name] of given) this.#born(name, this.#wide)
    if (input.dtype === 'float32') this.#born(input.name, this.#wide)
  }

  add(node: OnnxNode): void {
    const isHalved = this.#isHalved(node)
    const inputs = node.inputs.map((name) => {
      if (!this.#floats.has(name)) return name
      return isHalved ? this.#asHalf(name) : this.#asWide(name)
    })
    const outputs = isHalved ? node.outputs.map(halfOf) : node.outputs
    this.#nodes.push({ ...node, inputs, outputs })
    if (!this.#givesFloats(node)) return
    for (const name of node.outputs) this.#born(name, isHalved ? this.#halves : this.#wide)
  }

  end(): OnnxModel {
    this.#asWide(this.#model.output.name)
    const read = new Set(this.#nodes.flatMap(({ inputs }) => inputs))
    const initializers = new Map([...this.#initializers].filter(([name]) => read.has(name)))
    return { ...this.#model, nodes: this.#nodes, initializers }
  }

  #born(name: string, where: Set<string>): void {
    this.#floats.add(name)
    where.add(name)
  }

  #isHalved(node: OnnxNode): boolean {
    if (!this.#givesFloats(node)) return false
    if (node.outputs.some((name) => this.#whole.has(name))) return false
    if (heavy.has(node.op)) return true
    const isFlowing = (name: string) => this.#halves.has(name) && !this.#isConstant(name)
    return following.has(node.op) && node.inputs.some(isFlowing)
  }

  #givesFloats({ op, inputs, attributes }: OnnxNode): boolean {
    if (notFloat.has(op)) return false
    const { to } = attributes
    if (op === 'Cast') return to?.kind === 'int' && to.value === elementType('float32')
    return this.#floats.has(inputs[typedBy[op] ?? 0] ?? '')
  }

  #isConstant(name: string): boolean {
    return this.#model.initializers.has(name)
  }

  #asHalf(name: string): string {
    const half = halfOf(name)
    if (this.#halves.has(name)) return half
    this.#halves.add(name)
    const constant = this.#model.initializers.get(name)
    if (constant === undefined) this.#nodes.push(cast(name, half, 'float16'))
    else this.#initializers.set(half, halfTensor(constant))
    return half
  }

  #asWide(name: string): string {
    if (!this.#floats.has(name) || this.#wide.has(name)) return name
    this.#wide.add(name)
    this.#nodes.push(cast(halfOf(name), name, 'float32'))
    return name
  }
}

/** The values that are cast to integers, as products of bytes are (integer-products.ts). */
function wholeNumbers({ nodes }: OnnxModel): ReadonlySet<string> {
  const whole = new Set<string>()
  for (const { op, inputs, outputs, attributes } of nodes.toReversed()) {
    const { to } = attributes
    const isRead = op === 'Cast' && to?.kind === 'int' && to.value !== elementType('float32')
    const isPassed = moving.has(op) && outputs.some((name) => whole.has(name))
    if (isRead || isPassed) whole.add(inputs[0] ?? '')
  }
  return whole
}

function cast(from: string, into: string, dtype: 'float16' | 'float32'): OnnxNode {
  const attributes = { to: int(elementType(dtype)) }
  return { name: `${into}/cast`, op: 'Cast', inputs: [from], outputs: [into], attributes }
}

function halfTensor(tensor: Tensor): Tensor {
  const { buffer, byteOffset, byteLength } = toHalves(float32Values(tensor))
  const bytes = new Uint8Array(buffer, byteOffset, byteLength)
  return { dtype: 'float16', shape: tensor.shape, bytes }
}
