// How many sessions of how many threads a device carries, when the operator leaves it to us.

export interface PlanOptions {
  readonly device: string
  readonly cores: number
  readonly sessionsPerDevice: number | 'auto'
  readonly threadsPerSession: number | 'auto'
  readonly maxBatchSize: number | 'auto'
}

export interface SessionPlan {
  readonly device: string
  /** Session processes of each model on this device. */
  readonly sessions: number
  readonly threads: number
  /** Batches that may run on the device at once, whichever model they are for. */
  readonly concurrency: number
  readonly maxBatchSize: number
}

/** Convolutions of a ResNet stop gaining from further threads at about this many. */
const usefulThreads = 8
/** On a CPU larger batches gain nothing and make everybody in them wait longer. */
const cpuBatch = 8
/** A GPU is filled by batches, and two sessions overlap copying with computing. */
const gpuBatch = 32
const gpuSessions = 2

export function planSessions(options: PlanOptions): SessionPlan {
  const { device, cores } = options
  const isCpu = device === 'cpu'
  const autoThreads = isCpu ? Math.min(cores, usefulThreads) : 1
  const threads = options.threadsPerSession === 'auto' ? autoThreads : options.threadsPerSession
  const autoSessions = isCpu ? Math.max(1, Math.floor(cores / threads)) : gpuSessions
  const sessions = options.sessionsPerDevice === 'auto' ? autoSessions : options.sessionsPerDevice
  const autoBatch = isCpu ? cpuBatch : gpuBatch
  return {
    device,
    sessions,
    threads,
    // Two busy models take turns instead of computing side by side on the same cores.
    concurrency: sessions,
    maxBatchSize: options.maxBatchSize === 'auto' ? autoBatch : options.maxBatchSize,
  }
}
