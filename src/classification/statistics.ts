// What a served version did since it was loaded, counted for Triton's statistics extension.

/** How often, and how long altogether. */
export interface Tally {
  readonly count: number
  readonly ms: number
}

export interface BatchTally {
  readonly batchSize: number
  readonly infer: Tally
}

export interface ModelStatistics {
  readonly model: string
  readonly version: string
  /** Milliseconds since 1970 when the last request was answered; 0 before the first. */
  readonly lastInferenceAt: number
  readonly images: number
  readonly executions: number
  readonly success: Tally
  readonly fail: Tally
  readonly queue: Tally
  /** Decoding and resizing; nothing for images that came as tensors. */
  readonly input: Tally
  readonly infer: Tally
  readonly batches: readonly BatchTally[]
}

interface StageTimes {
  readonly decodeMs: number
  readonly queueMs: number
  readonly inferMs: number
}

export interface StatisticsRecorder {
  /** One image was answered. */
  answered(times: StageTimes): void
  failed(ms: number): void
  /** A session ran a batch. */
  ran(batchSize: number, ms: number): void
  read(): Omit<ModelStatistics, 'model' | 'version'>
}

export function createStatistics(): StatisticsRecorder {
  const tallies = {
    success: emptyTally(),
    fail: emptyTally(),
    queue: emptyTally(),
    input: emptyTally(),
    infer: emptyTally(),
  }
  const batches = new Map<number, MutableTally>()
  let lastInferenceAt = 0
  let executions = 0
  return {
    answered({ decodeMs, queueMs, inferMs }) {
      lastInferenceAt = Date.now()
      add(tallies.success, decodeMs + queueMs + inferMs)
      add(tallies.queue, queueMs)
      add(tallies.input, decodeMs)
      add(tallies.infer, inferMs)
    },
    failed: (ms) => add(tallies.fail, ms),
    ran(batchSize, ms) {
      executions += 1
      const tally = batches.get(batchSize) ?? emptyTally()
      batches.set(batchSize, tally)
      add(tally, ms)
    },
    read: () => ({
      lastInferenceAt,
      images: tallies.success.count,
      executions,
      success: { ...tallies.success },
      fail: { ...tallies.fail },
      queue: { ...tallies.queue },
      input: { ...tallies.input },
      infer: { ...tallies.infer },
      batches: [...batches]
        .sort(([one], [other]) => one - other)
        .map(([batchSize, infer]) => ({ batchSize, infer: { ...infer } })),
    }),
  }
}

interface MutableTally {
  count: number
  ms: number
}

function emptyTally(): MutableTally {
  return { count: 0, ms: 0 }
}

function add(tally: MutableTally, ms: number): void {
  tally.count += 1
  tally.ms += ms
}
