// What a model takes and gives, read from the model as OpenVINO sees it, and refused in words where
// it is not an image classifier.
import type { LoadRequest } from '../engine.ts'
import { elementTypes, type Out, type Pointer } from './c-api.ts'
import { type OpenVino, withHandles } from './open-vino.ts'

export interface ModelInput {
  readonly name: string
  readonly dtype: 'uint8' | 'float32'
  readonly height: number
  readonly width: number
}

export interface ModelOutput {
  readonly name: string
  readonly classes: number
}

/** A tensor of the model; -1 stands for a dimension that is not fixed, `null` for an unknown rank. */
interface Port {
  readonly name: string
  readonly elementType: number
  readonly shape: readonly number[] | null
}

/** @throws Error that says what the input is and what is served */
export function readInput(library: OpenVino, model: Pointer): ModelInput {
  const count = library.result<number>('counting the inputs', (out) =>
    library.c.ov_model_inputs_size(model, out),
  )
  if (count !== 1) throw new Error(`it has ${count} inputs; one image input is served`)
  const port = readPort(library, (out) => library.c.ov_model_const_input_by_index(model, 0, out))
  const { name, elementType, shape } = port
  const [, height = -1, width = -1, channels] = shape ?? []
  if (shape?.length !== 4 || channels !== 3 || height < 1 || width < 1) {
    throw new Error(
      `its input ${name} is ${describe(shape)}; [N,H,W,3] with H and W fixed is served`,
    )
  }
  const dtype = dtypeOf(elementType)
  if (dtype === null) {
    throw new Error(
      `its input ${name} has OpenVINO's element type ${elementType}; ` +
        `uint8 (${elementTypes.uint8}) and float32 (${elementTypes.float32}) are served`,
    )
  }
  return { name, dtype, height, width }
}

/** The output to serve, of a model that is bound to one image. @throws Error that lists what there is */
export function chooseOutput(
  library: OpenVino,
  model: Pointer,
  wanted: LoadRequest['output'],
): ModelOutput {
  const count = library.result<number>('counting the outputs', (out) =>
    library.c.ov_model_outputs_size(model, out),
  )
  const ports = Array.from({ length: count }, (_, index) =>
    readPort(library, (out) => library.c.ov_model_const_output_by_index(model, index, out)),
  )
  const named = (name: string) => findNamed(library, model, name)
  const scores = ports.filter(({ shape }) => shape?.length === 2)
  const only = scores.length === 1 ? scores[0] : undefined
  const found =
    wanted === null ? (named('probabilities') ?? named('logits') ?? only) : named(wanted)
  if (found === undefined || found === null) {
    const missing =
      wanted ?? 'probabilities, none named logits, and not exactly one of the form [N,classes]'
    throw new Error(
      `it has no output named ${missing}; it has ${ports.map(describePort).join(', ')}`,
    )
  }
  const [batch, classes = -1] = found.shape ?? []
  if (found.shape?.length !== 2 || classes < 1) {
    throw new Error(`its output ${describePort(found)} is not of the form [N,classes]`)
  }
  if (batch !== 1 && batch !== -1) {
    throw new Error(`its output ${describePort(found)} is for ${batch} images where one is given`)
  }
  return { name: found.name, classes }
}

/** By any of a tensor's names: it may have several, of which a port tells one. */
function findNamed(library: OpenVino, model: Pointer, name: string): Port | null {
  const find = (out: Out<Pointer>) => library.c.ov_model_const_output_by_name(model, name, out)
  try {
    return { ...readPort(library, find), name }
  } catch {
    return null
  }
}

function readPort(library: OpenVino, find: (out: Out<Pointer>) => number): Port {
  return withHandles(library, (handles) => {
    const { c } = library
    const port = handles.own('ov_output_const_port_free', 'reading the signature', find)
    const name = library.result<Pointer>('reading a name', (out) =>
      c.ov_port_get_any_name(port, out),
    )
    const elementType = library.result<number>('reading an element type', (out) =>
      c.ov_port_get_element_type(port, out),
    )
    return { name: library.text(name), elementType, shape: library.shapeOf(port) }
  })
}

function dtypeOf(elementType: number): ModelInput['dtype'] | null {
  if (elementType === elementTypes.uint8) return 'uint8'
  return elementType === elementTypes.float32 ? 'float32' : null
}

function describePort({ name, shape }: Port): string {
  return `${name} ${describe(shape)}`
}

function describe(shape: readonly number[] | null): string {
  if (shape === null) return 'of unknown rank'
  return `[${shape.map((size) => (size < 0 ? 'N' : size)).join(',')}]`
}
