// Starts a session process: its command line, its environment, its pipe.
import { ChildProcess, execFile, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { CropMemory } from './crop-memory.ts'

/** Where the session process finds its end of the pipe: after the three standard streams. */
export const pipeDescriptor = 3

export interface Launch {
  /** The module that the process runs, normally worker.js. */
  readonly entry: URL
  /** `cpu`, `cuda:0`, `webgpu`, …; decides which GPUs the process can see. */
  readonly device: string
  /** Shown by `ps`. */
  readonly label: string
  /** What the process is to have as `cropMemoryDescriptor`. */
  readonly cropMemory?: CropMemory | undefined
}

/** Starts the process. A failure to start arrives as its `error` event, like every other end. */
export function launch(
  { entry, device, label, cropMemory }: Launch,
  leash: readonly string[],
): ChildProcess {
  const node = [process.execPath, fileURLToPath(entry), String(process.pid), label]
  const [command = '', ...args] = [...leash, ...node]
  try {
    return spawn(command, args, {
      // The fourth is the pipe: Node makes it a Unix socket pair, readable and writable.
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', cropMemory?.descriptor ?? 'ignore'],
      env: sessionEnvironment(device, process.env),
    })
  } catch (error) {
    return neverStarted(error)
  }
}

/** A session process and what it gets its crops through. */
export interface SessionProcess {
  readonly child: ChildProcess
  /** Its own from now on. */
  readonly cropMemory: CropMemory | undefined
  /** It waited for a model, and may have ended meanwhile for reasons that are not the model's. */
  readonly wasSpare?: boolean
}

export function launchSession(what: Launch, leash: readonly string[]): SessionProcess {
  return { child: launch(what, leash), cropMemory: what.cropMemory }
}

/** Node throws what it did not foresee, want of memory (ENOMEM) for one, where it tells the rest. */
function neverStarted(error: unknown): ChildProcess {
  const child = new ChildProcess()
  process.nextTick(() => child.emit('error', error))
  return child
}

let leashFound: Promise<readonly string[]> | undefined

/**
 * The command that has the kernel kill what it runs when this process dies, even while that is
 * stopped (prctl PR_SET_PDEATHSIG): `setpriv` of util-linux, which every Debian, Ubuntu and Fedora
 * has. Without it lifeline.ts does the same for all but stopped processes.
 */
export function findLeash(): Promise<readonly string[]> {
  leashFound ??= tryLeash()
  return leashFound
}

async function tryLeash(): Promise<readonly string[]> {
  const leash = ['setpriv', '--pdeathsig', 'KILL', '--']
  if (process.platform !== 'linux') return []
  try {
    await promisify(execFile)('setpriv', [...leash.slice(1), 'true'])
    return leash
  } catch {
    return []
  }
}

/** The environment of a session process on `device`, from the environment of this one. */
export function sessionEnvironment(
  device: string,
  inherited: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  return {
    ...inherited,
    API_KEYS: undefined, // a session asks nobody for a key: none in its /proc/<pid>/environ
    LD_PRELOAD: withoutAllocators(inherited.LD_PRELOAD),
    // The service's own number suits its image decoders; a session has little use for libuv's pool.
    UV_THREADPOOL_SIZE: '4',
    // TensorFlow would otherwise take all of the GPU's memory for the first session.
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    // The order of nvidia-smi, so that `cuda:1` is the same GPU to every library.
    CUDA_DEVICE_ORDER: inherited.CUDA_DEVICE_ORDER ?? 'PCI_BUS_ID',
    ...visibleGpus(device, inherited.CUDA_VISIBLE_DEVICES),
  }
}

/**
 * An allocator that is preloaded (jemalloc, tcmalloc, mimalloc) is for image decoding, which sessions do
 * not do. OpenVINO dies with one: it hands memory of the allocator to glibc's free. Whatever else is
 * preloaded stays.
 */
function withoutAllocators(preloaded: string | undefined): string | undefined {
  const kept = (preloaded ?? '').split(/[\s:]+/).filter((path) => !/malloc[^/]*$/.test(path))
  return kept.join(' ').trim() || undefined
}

/** @param visibleHere the GPUs that this process may see: `cuda:1` is the second one of them */
function visibleGpus(device: string, visibleHere: string | undefined): Record<string, string> {
  if (device === 'cpu') return { CUDA_VISIBLE_DEVICES: '-1' } // no memory taken on a GPU unasked
  const index = /^cuda(?::(\d+))?$/.exec(device)
  if (index === null) return {}
  const number = Number(index[1] ?? 0)
  if (visibleHere === undefined) return { CUDA_VISIBLE_DEVICES: String(number) }
  const listed = visibleHere.split(',').map((name) => name.trim())
  return { CUDA_VISIBLE_DEVICES: listed[number] ?? '-1' }
}
