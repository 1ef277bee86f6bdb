// The loaded C library: its functions, its errors as exceptions, its results as owned handles.
import type { CApi, Dimension, Free, Out, PartialShape, Pointer, Version } from './c-api.ts'
import { prototypes, structs } from './c-api.ts'
import { isSupported, supportedVersions, versionOf } from './versions.ts'

type Koffi = typeof import('koffi')

/** OpenVINO, loaded and of a version that the bindings fit. */
export interface OpenVino {
  readonly version: string
  readonly c: CApi
  /** @throws Error with what was being done and OpenVINO's own words, unless `status` is 0 */
  check(status: number, doing: string): void
  /** The one result of a call, checked: never null. */
  result<Value>(doing: string, call: (out: Out<Value>) => number): Value
  /** A C string that was given to us to free. */
  text(content: Pointer): string
  /** A port's shape; -1 is a dimension that is not fixed, `null` an unknown rank. */
  shapeOf(port: Pointer): number[] | null
}

const maxDimensions = 16

// koffi's struct names are global and a library stays loaded: once a process, whatever happens.
let loaded: { readonly path: string; readonly library: OpenVino } | null = null

/**
 * Loads the library at `path`, once; later calls get the same.
 * @throws Error that says why it cannot be used
 */
export async function loadOpenVino(path: string): Promise<OpenVino> {
  if (loaded?.path === path) return loaded.library
  if (loaded !== null) throw new Error(`OpenVINO is already loaded from ${loaded.path}`)
  const koffi = await import('koffi')
  const library = bind(koffi, path)
  loaded = { path, library }
  return library
}

function bind(koffi: Koffi, path: string): OpenVino {
  const handle = koffi.load(path)
  for (const [name, members] of Object.entries(structs)) {
    if (!(name in koffi.types)) koffi.struct(name, members)
  }
  // The version first: other functions may be absent from a version that does not fit.
  const declare = (name: keyof CApi) => {
    const [result, parameters] = prototypes[name]
    return handle.func(`${result} ${name}(${parameters})`)
  }
  const version = readVersion(koffi, declare)
  if (!isSupported(version)) {
    throw new Error(
      `it is version ${version}, and this service knows ${supportedVersions}; ` +
        '`npm run setup:openvino -- --force` gets one of these',
    )
  }
  const names = Object.keys(prototypes) as (keyof CApi)[]
  const c = Object.fromEntries(names.map((name) => [name, declare(name)])) as unknown as CApi
  return createOpenVino(koffi, c, version)
}

function readVersion(koffi: Koffi, declare: (name: keyof CApi) => unknown): string {
  const get = declare('ov_get_openvino_version') as CApi['ov_get_openvino_version']
  const free = declare('ov_version_free') as CApi['ov_version_free']
  const found: Partial<Version> = {}
  const status = get(found)
  if (status !== 0 || !found.buildNumber) throw new Error(`it gives no version (status ${status})`)
  const version = versionOf(koffi.decode(found.buildNumber, 'char', -1) as string)
  free(found)
  return version
}

function createOpenVino(koffi: Koffi, c: CApi, version: string): OpenVino {
  const text = (content: Pointer) => {
    const decoded = koffi.decode(content, 'char', -1) as string
    c.ov_free(content)
    return decoded
  }
  const check = (status: number, doing: string) => {
    if (status === 0) return
    const message = c.ov_get_last_err_msg()
    throw new Error(`${doing}: ${message === null ? `status ${status}` : summary(text(message))}`)
  }
  return {
    version,
    c,
    check,
    text,
    result<Value>(doing: string, call: (out: Out<Value>) => number): Value {
      const out: Out<Value> = [null]
      check(call(out), doing)
      if (out[0] === null) throw new Error(`${doing}: OpenVINO reported success but gave nothing`)
      return out[0]
    },
    shapeOf(port) {
      const shape = {} as PartialShape
      check(c.ov_port_get_partial_shape(port, shape), 'reading a shape')
      const { rank, dims } = shape
      const known = rank.min === rank.max && dims !== null && rank.max <= maxDimensions
      const dimensions: Dimension[] = known
        ? koffi.decode(dims, 'ov_dimension_t', Number(rank.max))
        : []
      c.ov_partial_shape_free(shape)
      return known ? dimensions.map(({ min, max }) => (min === max ? Number(max) : -1)) : null
    },
  }
}

/** OpenVINO's messages tell source files and checks on lines of their own; people need the rest. */
function summary(message: string): string {
  const lines = message.split('\n').map((line) => line.trim())
  const telling = lines.filter(
    (line) => line !== '' && !/^(Exception from|Check '.*' failed at|Summary:)/.test(line),
  )
  return (telling.length > 0 ? telling : lines.filter(Boolean)).join(' ')
}

/** Native objects to free, newest first, when what needed them is done. */
export class Handles {
  readonly #frees: (() => void)[] = []
  readonly #library: OpenVino

  constructor(library: OpenVino) {
    this.#library = library
  }

  /** The result of `call`, freed with the others. */
  own(free: Free, doing: string, call: (out: Out<Pointer>) => number): Pointer {
    const pointer = this.#library.result(doing, call)
    this.#frees.push(() => this.#library.c[free](pointer))
    return pointer
  }

  close(): void {
    for (const free of this.#frees.splice(0).reverse()) free()
  }
}

/** Runs `use` with handles that are freed when it returns or throws. */
export function withHandles<Value>(library: OpenVino, use: (handles: Handles) => Value): Value {
  const handles = new Handles(library)
  try {
    return use(handles)
  } finally {
    handles.close()
  }
}
