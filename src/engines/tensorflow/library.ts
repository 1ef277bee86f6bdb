// Loads @tensorflow/tfjs-node-gpu with the binding that `npm run setup:tensorflow` compiled.
// TensorFlow reads its settings once, when it is loaded: a process has one device and thread count.
import { createRequire } from 'node:module'
import util from 'node:util'
import type { LoadRequest } from '../engine.ts'
import type { Installation } from './installation.ts'
import { withQuietStderr } from './quiet-stderr.ts'

/** The native half of the package, as far as it is used here (its src/tfjs_binding.ts). */
export interface Binding {
  readonly TF_Version: string
  readonly TF_FLOAT: number
  readonly TF_UINT8: number
  readonly TF_INT32: number
  /** Its values are given as an Int32Array of twice the length. */
  readonly TF_INT64: number
  /** The tensor borrows `values` until it is deleted. @returns its id */
  createTensor(shape: readonly number[], dtype: number, values: ArrayBufferView): number
  deleteTensor(id: number): void
  /** @returns the number of TensorFlow's session */
  loadSavedModel(folder: string, tags: string): number
  deleteSavedModel(session: number): void
  /** @returns a copy of the tensor's values */
  tensorDataSync(id: number): ArrayBufferView
  /** Operation names with their output index, comma-separated: `serving_default_images:0`. */
  runSavedModel(
    session: number,
    tensors: readonly number[],
    inputs: string,
    outputs: string,
  ): { readonly id: number; readonly shape: readonly number[] }[]
  isUsingGpuDevice(): boolean
  getNumOfTensors(): number
}

/** The package, as far as it is used here. */
export interface TensorFlow {
  backend(): { readonly binding: Binding }
  /** Tensors and bytes that the JavaScript half holds. */
  memory(): { readonly numTensors: number; readonly numBytes: number }
}

export const packageName = '@tensorflow/tfjs-node-gpu'

/** The package's folder as this project sees it; throws where the optional dependency is absent. */
export function packageFile(): string {
  return createRequire(import.meta.url).resolve(`${packageName}/package.json`)
}

/**
 * Loads TensorFlow into this process. Later calls get the same library, with the first settings.
 * @throws what the dynamic linker says, if a library it needs is missing
 */
export function loadLibrary(
  installation: Installation,
  settings: Pick<LoadRequest, 'device' | 'threads' | 'precision'>,
): TensorFlow {
  applySettings(settings)
  bridgeUtil()
  const require = createRequire(packageFile())
  pointToBinding(require, installation.bindingPath)
  return withQuietStderr(() => require('.') as TensorFlow)
}

function applySettings({ device, threads, precision }: Parameters<typeof loadLibrary>[1]): void {
  const { env } = process
  env.TF_NUM_INTRAOP_THREADS = String(threads)
  // Classifiers are chains of operations: a second one at a time would only take its cores away.
  env.TF_NUM_INTEROP_THREADS = '1'
  env.OMP_NUM_THREADS = String(threads)
  // Errors only: progress and hints about rebuilding are not for the service's log.
  env.TF_CPP_MIN_LOG_LEVEL ??= '2'
  // Else the first session takes all of a GPU's memory.
  env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true'
  if (device === 'cpu') env.CUDA_VISIBLE_DEVICES = '-1'
  // The pool pins a session to its GPU; without a pool the device's number does.
  else env.CUDA_VISIBLE_DEVICES ??= device.replace('cuda:', '')
  // On tensor cores TensorFlow rounds fp32 factors to 10 bits unless told otherwise.
  if (precision === 'fp32') env.NVIDIA_TF32_OVERRIDE = '0'
}

/** Node 23 removed functions that the package calls (and 22 warns of them); these mean the same. */
function bridgeUtil(): void {
  Object.assign(util, {
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
    isArray: Array.isArray,
  })
}

/**
 * The package asks node-pre-gyp where its binding is, and knows only its own folder, which the next
 * `npm ci` empties. It gets our answer instead, by way of the module cache.
 */
function pointToBinding(require: NodeJS.Require, bindingPath: string): void {
  const id = require.resolve('@mapbox/node-pre-gyp')
  const module = { id, filename: id, loaded: true, exports: { find: () => bindingPath } }
  require.cache[id] = { ...module, children: [], paths: [] } as unknown as NodeJS.Module
}
