// Groups single items into batches: work-conserving, bounded, generic. It knows neither images nor
// sessions: a batch is formed only when somebody is free to run it (Lease), out of whatever waits
// by then, so batches grow under load and a lone item never waits for company.
import type { Cancellation } from '../cancellation.ts'
import { type GrowthOptions, letGrow } from './growth.ts'

/** What one item of a batch came to; the bad ones do not touch their batch-mates. */
export type Outcome<Result> =
  | { readonly ok: true; readonly value: Result }
  | { readonly ok: false; readonly error: unknown }

/** The right to run one batch; `run` uses it up, `release` gives it back unused. */
export interface Lease<Item, Result> {
  /**
   * Must answer with one outcome for each item, in order.
   * @param onStuck to be called where this batch may take for ever and another could run beside it
   */
  run(items: readonly Item[], onStuck: () => void): Promise<readonly Outcome<Result>[]>
  release(): void
}

export interface BatcherOptions<Item, Result> extends GrowthOptions {
  /** Resolves when a batch could start at once. Called while items wait, at most `maxLeases` at a time. */
  readonly lease: () => Promise<Lease<Item, Result>>
  /** How many leases may be wanted or held together: the number of sessions. */
  readonly maxLeases: number
  /** `maxSize` for the batch that is formed now out of so many that wait, where it may be less for a while. */
  readonly maxSizeNow?: (waiting: number) => number
  /** Most items that may wait; one more is refused by `rejectFull`. */
  readonly maxQueue: number
  /** Makes the error of an item that found the queue full. */
  readonly rejectFull: () => Error
  /** Makes the error of an item whose time ran out while it waited. */
  readonly rejectLate: () => Error
  readonly observe?: BatcherObserver
}

export interface BatcherObserver {
  /** The number of waiting items changed. */
  queued(depth: number): void
  /** A batch of this size started. */
  batch(size: number): void
}

export interface SubmitOptions {
  /**
   * `performance.now()` after which the item is not worth starting. Read when a batch forms, so
   * that it may move while the item waits.
   */
  readonly deadline: number
  /**
   * Rejects the promise at once with the signal's reason. An item that waits is dropped; one that
   * runs already runs on with its batch, which is not taken apart, and its result is thrown away.
   */
  readonly signal?: Cancellation
}

/** What an item learns beside its result. */
export interface Batched<Result> {
  readonly value: Result
  readonly batchSize: number
  /** Milliseconds between `submit` and the start of the batch. */
  readonly queueMs: number
}

interface Entry<Item, Result> {
  readonly item: Item
  readonly queuedAt: number
  readonly options: SubmitOptions
  readonly resolve: (result: Batched<Result>) => void
  readonly reject: (error: unknown) => void
  readonly forget: () => void
}

export interface Batcher<Item, Result> {
  readonly depth: number
  submit(item: Item, options: SubmitOptions): Promise<Batched<Result>>
  /** Resolves when nothing waits and nothing runs. */
  idle(): Promise<void>
  /** Rejects all that wait with `error`; running batches finish. */
  close(error: Error): void
}

/** A batcher over `lease`. Items leave in the order they came. */
export function createBatcher<Item, Result>(
  options: BatcherOptions<Item, Result>,
): Batcher<Item, Result> {
  return new WorkConservingBatcher(options)
}

class WorkConservingBatcher<Item, Result> implements Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>
  readonly #queue = new Set<Entry<Item, Result>>() // insertion order; removal by client is O(1)
  readonly #idleWaiters: (() => void)[] = []
  readonly #growthListeners = new Set<() => void>()
  /** Leases wanted or held, but for those of stuck batches. */
  #leases = 0
  #stuck = 0
  /** Of those, the ones that have not been granted yet. */
  #pendingLeases = 0
  #closed: Error | undefined

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options
  }

  get depth(): number {
    return this.#queue.size
  }

  submit(item: Item, options: SubmitOptions): Promise<Batched<Result>> {
    const { signal } = options
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#queue.size >= this.#options.maxQueue) {
      return Promise.reject(this.#options.rejectFull())
    }
    return new Promise((resolve, reject) => {
      const abandon = () => {
        if (this.#queue.delete(entry)) this.#changed()
        reject(signal?.reason)
      }
      const forget = () => signal?.removeEventListener('abort', abandon)
      const entry: Entry<Item, Result> = {
        item,
        queuedAt: performance.now(),
        options,
        resolve,
        reject,
        forget,
      }
      signal?.addEventListener('abort', abandon)
      this.#queue.add(entry)
      this.#changed()
      this.#wantLease()
    })
  }

  idle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve()
    return new Promise((resolve) => this.#idleWaiters.push(resolve))
  }

  close(error: Error): void {
    this.#closed = error
    for (const entry of this.#queue) this.#drop(entry, error)
    this.#changed()
  }

  /** Asks for one more lease while more waits than the leases already asked for will carry. */
  #wantLease(): void {
    const { maxLeases, maxSize } = this.#options
    if (this.#leases >= maxLeases || this.#queue.size === 0) return
    if (this.#leases > 0 && this.#pendingLeases * maxSize >= this.#queue.size) return
    this.#leases += 1
    this.#pendingLeases += 1
    this.#serve().catch((error: unknown) => this.#leaseFailed(error))
  }

  async #serve(): Promise<void> {
    let lease: Lease<Item, Result>
    try {
      // Before the lease: a session is not kept idle while a batch grows.
      await letGrow(this.#queue, this.#options, this.#growthListeners)
      lease = await this.#options.lease()
    } finally {
      this.#pendingLeases -= 1
    }
    // No await between forming the batch and starting it: nothing can change in between.
    const batch = this.#form()
    if (batch.length === 0) {
      lease.release()
    } else {
      this.#wantLease() // what this batch left behind may use another session
      await this.#runUnlessStuck(lease, batch)
    }
    this.#leases -= 1
    this.#wantLease()
    this.#tellIdle()
  }

  /** Resolves when the batch is done, or stuck; what becomes of it then is told to its items alone. */
  async #runUnlessStuck(lease: Lease<Item, Result>, batch: Entry<Item, Result>[]): Promise<void> {
    let isStuck = false
    await new Promise<void>((resolve) => {
      const onStuck = () => {
        if (isStuck) return
        isStuck = true
        this.#stuck += 1
        resolve()
      }
      void this.#run(lease, batch, onStuck).then(() => {
        resolve()
        if (!isStuck) return
        this.#stuck -= 1
        this.#tellIdle()
      })
    })
  }

  /** Without a lease nothing that waits can run: they all learn why. */
  #leaseFailed(error: unknown): void {
    this.#leases -= 1
    for (const entry of this.#queue) this.#drop(entry, error)
    this.#changed()
    this.#tellIdle()
  }

  /** Takes up to `maxSize` items; those whose deadline has passed are refused, not computed. */
  #form(): Entry<Item, Result>[] {
    const batch: Entry<Item, Result>[] = []
    const now = performance.now()
    const { maxSize, maxSizeNow = () => maxSize } = this.#options
    const size = Math.min(maxSize, maxSizeNow(this.#queue.size))
    for (const entry of this.#queue) {
      if (batch.length === size) break
      if (entry.options.deadline <= now) {
        this.#drop(entry, this.#options.rejectLate())
      } else {
        this.#queue.delete(entry)
        batch.push(entry)
      }
    }
    this.#changed()
    return batch
  }

  async #run(
    lease: Lease<Item, Result>,
    batch: Entry<Item, Result>[],
    onStuck: () => void,
  ): Promise<void> {
    const startedAt = performance.now()
    this.#options.observe?.batch(batch.length)
    let outcomes: readonly Outcome<Result>[]
    try {
      const items = batch.map((entry) => entry.item)
      outcomes = await lease.run(items, onStuck)
      if (outcomes.length !== batch.length) {
        throw new Error(
          `a batch of ${batch.length} came back as ${outcomes.length} results. This is a bug.`,
        )
      }
    } catch (error) {
      outcomes = batch.map(() => ({ ok: false, error }))
    }
    batch.forEach((entry, index) => {
      const outcome = outcomes[index] as Outcome<Result>
      entry.forget()
      if (outcome.ok) {
        const queueMs = startedAt - entry.queuedAt
        entry.resolve({ value: outcome.value, batchSize: batch.length, queueMs })
      } else entry.reject(outcome.error)
    })
  }

  #drop(entry: Entry<Item, Result>, error: unknown): void {
    this.#queue.delete(entry)
    entry.forget()
    entry.reject(error)
  }

  #changed(): void {
    this.#options.observe?.queued(this.#queue.size)
    for (const listener of this.#growthListeners) listener()
    this.#tellIdle()
  }

  #isIdle(): boolean {
    return this.#queue.size === 0 && this.#leases === 0 && this.#stuck === 0
  }

  #tellIdle(): void {
    if (!this.#isIdle()) return
    for (const waiter of this.#idleWaiters.splice(0)) waiter()
  }
}
