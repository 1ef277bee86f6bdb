// Compiles a model for the CPU with the properties that suit a session process.
import { cpus } from 'node:os'
import type { LoadRequest, Precision } from '../engine.ts'
import type { Pointer } from './c-api.ts'
import { openCompiledCache } from './compiled-cache.ts'
import { type Handles, type OpenVino, withHandles } from './open-vino.ts'
import { choosePrecision, hintOf, precisionOf } from './precision.ts'

/** What a load works with. */
export interface Workplace {
  readonly library: OpenVino
  readonly core: Pointer
  /** What comes out is added to these. */
  readonly handles: Handles
}

interface CompiledModel {
  readonly compiled: Pointer
  /** What runs. */
  readonly precision: Precision
}

const device = 'CPU'

/** @throws Error when the CPU lacks the precision or the model cannot be compiled */
export async function compileModel(
  { library, core, handles }: Workplace,
  model: Pointer,
  request: LoadRequest,
): Promise<CompiledModel> {
  const hint = hintOf(choose(library, core, request))
  const properties = propertiesOf(request, hint)
  const cache = await openCompiledCache(request.cacheFolder, [
    library.version,
    cpus()[0]?.model ?? '',
    request.folder,
    String(request.maxBatchSize),
    request.inputForm ?? 'pixels',
    request.precision,
    ...Object.values(properties),
  ])
  const compile = (owner: Handles, extra: Readonly<Record<string, string>>) =>
    compileWith({ library, core, handles: owner }, model, { ...properties, ...extra })
  if (cache === null) return compile(handles, {})
  try {
    // A first start fills the cache. Compiled from there, the weights are mapped and shared with the
    // model's other sessions, so even the session that filled it does that.
    if (!cache.filled) {
      withHandles(library, (passing) => compile(passing, { CACHE_DIR: cache.folder }))
      await cache.keep()
    }
    const compiled = compile(handles, { CACHE_DIR: cache.folder })
    await cache.keep()
    return compiled
  } catch {
    // A full disk, a damaged file: whatever it was, it must not be the cache's fault.
    return compile(handles, {})
  } finally {
    await cache.close()
  }
}

function choose(library: OpenVino, core: Pointer, { precision }: LoadRequest) {
  const capabilities = library.result<Pointer>('asking what the CPU can do', (out) =>
    library.c.ov_core_get_property(core, device, 'OPTIMIZATION_CAPABILITIES', out),
  )
  const choice = choosePrecision(precision, library.text(capabilities))
  if ('refused' in choice) throw new Error(choice.refused)
  return choice.precision
}

/** One batch runs at a time in a session process, and other sessions share the cores. */
function propertiesOf({ threads }: LoadRequest, precisionHint: string) {
  return {
    // All threads work on one batch: throughput comes from several sessions, not several streams.
    PERFORMANCE_HINT: 'LATENCY',
    NUM_STREAMS: '1',
    INFERENCE_NUM_THREADS: String(threads),
    INFERENCE_PRECISION_HINT: precisionHint,
    // Pinned threads of several processes would all sit on the same first cores.
    ENABLE_CPU_PINNING: 'NO',
  }
}

function compileWith(
  { library, core, handles }: Workplace,
  model: Pointer,
  properties: Readonly<Record<string, string>>,
): CompiledModel {
  const { c } = library
  const values = Object.entries(properties).flat()
  const typed = values.flatMap((value) => ['str', value])
  const compiled = handles.own('ov_compiled_model_free', 'compiling', (out) =>
    c.ov_core_compile_model(core, model, device, values.length, out, ...typed),
  )
  const hint = library.result<Pointer>('asking for the precision', (out) =>
    c.ov_compiled_model_get_property(compiled, 'INFERENCE_PRECISION_HINT', out),
  )
  return { compiled, precision: precisionOf(library.text(hint)) }
}
