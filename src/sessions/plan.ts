// How many sessions of how many threads a device carries, when the operator leaves it to us.

export interface PlanOptions {
  readonly device: string
  readonly cores: number
  /** What all processes together may hold. */
  readonly memoryBytes: number
  /** Whether threads that share a batch gain little, so that many sessions of few threads are faster. */
  readonly prefersNarrow: boolean
  readonly sessionsPerDevice: number | 'auto'
  readonly threadsPerSession: number | 'auto'
  readonly maxBatchSize: number | 'auto'
  /** Whether a batch waits for company, or one batcher feeds a GPU as well: then none is to be small. */
  readonly growsBatches: boolean
}

export interface SessionPlan {
  readonly device: string
  /** Session processes of each model on this device. */
  readonly sessions: number
  readonly threads: number
  /** Threads for a batch of one image while nothing else runs on the device. */
  readonly threadsAlone: number
  /** Batches that may run on the device at once, whichever model they are for. */
  readonly concurrency: number
  readonly maxBatchSize: number
  /** Images that run together while few wait; `maxBatchSize` where that is always right. */
  readonly smallBatchSize: number
}

/** Convolutions of a ResNet stop gaining from further threads at about this many. */
const usefulThreads = 8
/** More narrow sessions than this cost more memory than they are worth. */
const maxNarrowSessions = 8
/** A narrow session of ResNet50 takes 220 MB (docs/performance), and two models are usual. */
const narrowBytes = 2 * 256 * 2 ** 20
/** Of the memory, for narrow sessions. */
const narrowShare = 0.5
/** On a CPU larger batches gain nothing and make everybody in them wait longer. */
const cpuBatch = 8
/**
 * One thread computes four images a run as fast as eight, and nobody waits for eight: in int8 on two sessions of
 * one thread as many images a second, and a quarter to a half less p99 (`npm run bench`, ResNet50).
 */
const narrowBatch = 4
/** So many images for each thread take little longer an image than a full batch (`npm run bench:engines -- --batches 2,4,8`). */
const smallBatchPerThread = 2
/** A GPU is filled by batches, and two sessions overlap copying with computing. */
const gpuBatch = 32
const gpuSessions = 2

export function planSessions(options: PlanOptions): SessionPlan {
  const { device } = options
  const { sessions, threads } = device === 'cpu' ? shareCores(options) : shareGpu(options)
  const maxBatchSize = options.maxBatchSize === 'auto' ? autoBatch(options) : options.maxBatchSize
  const isFree = device === 'cpu' && options.maxBatchSize === 'auto' && !options.growsBatches
  return {
    device,
    sessions,
    threads,
    threadsAlone: device === 'cpu' ? aloneThreads(options, threads) : threads,
    // Two busy models take turns instead of computing side by side on the same cores.
    concurrency: sessions,
    maxBatchSize,
    smallBatchSize: isFree ? Math.min(maxBatchSize, smallBatchPerThread * threads) : maxBatchSize,
  }
}

function autoBatch({ device, prefersNarrow }: PlanOptions): number {
  if (device !== 'cpu') return gpuBatch
  return prefersNarrow ? narrowBatch : cpuBatch
}

type Shares = Pick<SessionPlan, 'sessions' | 'threads'>

/** Every core has a thread; the operator's number decides where one is given. */
function shareCores(options: PlanOptions): Shares {
  const { cores, sessionsPerDevice, threadsPerSession } = options
  if (threadsPerSession === 'auto') {
    const wanted = sessionsPerDevice === 'auto' ? autoSessions(options) : sessionsPerDevice
    const all = Math.max(1, Math.floor(cores / wanted))
    const threads = options.prefersNarrow ? all : Math.min(cores, usefulThreads)
    return { sessions: wanted, threads }
  }
  const fitting = Math.max(1, Math.floor(cores / threadsPerSession))
  const sessions = sessionsPerDevice === 'auto' ? fitting : sessionsPerDevice
  return { sessions, threads: threadsPerSession }
}

/** An image that comes alone has nobody to share the cores with, unless the operator named a number. */
function aloneThreads({ cores, prefersNarrow, threadsPerSession }: PlanOptions, threads: number) {
  if (!prefersNarrow || threadsPerSession !== 'auto') return threads
  return Math.max(threads, Math.min(cores, usefulThreads))
}

function autoSessions({ cores, memoryBytes, prefersNarrow }: PlanOptions): number {
  if (!prefersNarrow) return Math.max(1, Math.floor(cores / Math.min(cores, usefulThreads)))
  // The form for images that come alone takes as much as one more session.
  const affordable = Math.floor((memoryBytes * narrowShare) / narrowBytes) - 1
  const most = Math.max(1, Math.min(maxNarrowSessions, affordable))
  return Math.floor(cores / Math.ceil(cores / most))
}

function shareGpu({ sessionsPerDevice, threadsPerSession }: PlanOptions): Shares {
  return {
    sessions: sessionsPerDevice === 'auto' ? gpuSessions : sessionsPerDevice,
    threads: threadsPerSession === 'auto' ? 1 : threadsPerSession,
  }
}
