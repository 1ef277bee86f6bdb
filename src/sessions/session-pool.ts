// The pool: N session processes that hold one version of one model, replaced when they die.
import type { ModelDescription } from '../engines/engine.ts'
import { Allocator, type Grant } from './allocator.ts'
import { checkupEveryMs, isSilent, isTooLarge, silentDetail } from './checkup.ts'
import { findLeash } from './launch.ts'
import {
  type SessionInfo,
  type SessionLease,
  type SessionPool,
  type SessionPoolOptions,
  type SessionState,
  type SettledOptions,
  settle,
} from './pool-options.ts'
import { RefusedCrops } from './refused-crops.ts'
import { Breaker, notReady, unloaded } from './restart-policy.ts'
import { runBatch } from './run-batch.ts'
import { Seat } from './seat.ts'
import type { Session } from './session.ts'
import type { SessionEnd } from './session-end.ts'
import { SessionStarter } from './session-starter.ts'

export type { CropOutcome, Scores } from './outcomes.ts'
export type {
  Placement,
  SessionObserver,
  SessionPool,
  SessionPoolOptions,
} from './pool-options.ts'
export type { SessionDeath } from './session-end.ts'

/**
 * Loads the model in its first session, then starts the others.
 * @throws ModelError when the first load fails
 */
export async function createSessionPool(options: SessionPoolOptions): Promise<SessionPool> {
  const settled = settle(options)
  const starter = new SessionStarter(settled, await findLeash())
  const [device, ...others] = settled.placements.flatMap((placement) =>
    Array.from({ length: placement.sessions }, () => placement.device),
  )
  if (device === undefined) throw new RangeError('a pool needs at least one session')
  return new ProcessPool(settled, starter, { first: await starter.startFirst(device), others })
}

/** The session that is ready, and the devices of those that are to come. */
interface StartingLine {
  readonly first: Session
  readonly others: readonly string[]
}

class ProcessPool implements SessionPool {
  readonly description: ModelDescription
  readonly refused: SessionPool['refused']
  readonly warmUpMs: number
  readonly complete: Promise<void>
  readonly #options: SettledOptions
  readonly #starter: SessionStarter
  readonly #breaker: Breaker
  readonly #allocator: Allocator
  readonly #states = new Map<Session, SessionState>()
  readonly #seats: readonly Seat[]
  /** Sessions whose place was taken and that are to end when their batch is done, and why. */
  readonly #retired = new Map<Session, 'memory' | 'slow'>()
  /** Sessions that took suspiciously long over a batch. */
  readonly #mistrusted = new WeakSet<Session>()
  readonly #refused = new RefusedCrops()
  readonly #checkups: NodeJS.Timeout
  /** Leases that were given and not used up, tries after a session's death included. */
  #leases = 0
  #onLastLease: (() => void) | undefined
  /** `performance.now()` before which no session is changed for its size. */
  #nextChangeAt = 0
  #closing: Promise<void> | undefined

  constructor(options: SettledOptions, starter: SessionStarter, line: StartingLine) {
    this.#options = options
    this.#starter = starter
    this.#breaker = new Breaker(options.breaker)
    this.#allocator = new Allocator(options.placements, {
      busy: (session) => this.#enter(session, 'busy'),
      free: (session) => this.#freed(session),
    })
    this.description = line.first.loaded.description
    this.refused = line.first.loaded.refused
    this.warmUpMs = line.first.loaded.fullBatchMs
    const sessions = [line.first, ...starter.startOthers(line.others)]
    for (const session of sessions) this.#states.set(session, 'starting')
    this.#seats = sessions.map(({ device, isWide }) => this.#seatOn(device, isWide))
    this.#seats.forEach((seat, index) => void seat.open(sessions[index]))
    this.complete = Promise.allSettled(sessions.map(({ ready }) => ready)).then(() => {})
    this.#checkups = setInterval(() => this.#checkUp(), checkupEveryMs)
    this.#checkups.unref()
  }

  get counts(): Readonly<Record<SessionState, number>> {
    const counts = { starting: 0, idle: 0, busy: 0 }
    for (const state of this.#states.values()) counts[state] += 1
    return counts
  }

  get sessions(): readonly SessionInfo[] {
    return [...this.#states].map(([session, state]) => {
      const { id, pid, device, rssBytes } = session
      return { session: id, pid, device, state, rssBytes }
    })
  }

  get ready(): boolean {
    return this.#closing === undefined && this.#someoneWorks() && !this.#breaker.open
  }

  get shared(): boolean {
    return this.#allocator.shared
  }

  async lease(): Promise<SessionLease> {
    this.#checkHope()
    const grant = await this.#allocator.take()
    this.#leases += 1
    return this.#leaseOn(grant)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearInterval(this.#checkups)
    const draining = unloaded()
    this.#allocator.refuseNew(draining)
    // Sessions that die now are still replaced: a running batch may need them for another try.
    await this.#lastLease()
    for (const seat of this.#seats) seat.close()
    this.#allocator.refuseAgain(draining)
    const { endMs } = this.#options.limits
    await Promise.all(
      [...this.#states].map(([session, state]) => session.end(state === 'starting' ? 0 : endMs)),
    )
  }

  /** Resolves when no lease is out, or the time to drain is over. */
  #lastLease(): Promise<void> {
    if (this.#leases === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#options.limits.drainMs)
      this.#onLastLease = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #leaseOn(grant: Grant): SessionLease {
    let used = false
    const use = () => {
      if (used) throw new Error('a lease was used twice. This is a bug.')
      used = true
    }
    return {
      run: async (crops, onStuck = () => {}) => {
        use()
        const takeAnother = () => this.#allocator.takeAgain(this.#options.limits.retryMs)
        const onSlow = (slow: Grant) => {
          slow.letGo()
          this.#mistrust(slow.session)
          onStuck()
        }
        try {
          const outcomes = await this.#refused.sift(crops, (wanted) =>
            runBatch(wanted, grant, { takeAnother, onSlow }),
          )
          if (outcomes.some(({ ok }) => ok)) this.#breaker.recordSuccess()
          return outcomes
        } finally {
          this.#leaseEnded()
        }
      },
      release: () => {
        use()
        grant.giveBack()
        this.#leaseEnded()
      },
    }
  }

  #leaseEnded(): void {
    this.#leases -= 1
    if (this.#leases === 0) this.#onLastLease?.()
  }

  #seatOn(device: string, isWide: boolean): Seat {
    return new Seat({
      start: () => {
        const session = this.#starter.start(device, { isWide })
        this.#states.set(session, 'starting')
        return session
      },
      restart: this.#options.restart,
      events: {
        joined: (session) => this.#offer(session),
        retired: (session) => this.#retire(session),
        left: (session, end) => this.#left(session, end),
      },
    })
  }

  #enter(session: Session, state: SessionState): void {
    this.#states.set(session, state)
    this.#options.observer.state(session.id, state)
  }

  #offer(session: Session): void {
    this.#enter(session, 'idle')
    this.#allocator.offer(session)
  }

  /** A batch left its session, perhaps because that died: then its end is being told. */
  #freed(session: Session): void {
    if (!session.alive) return
    const reason = this.#retired.get(session)
    if (reason === undefined) this.#offer(session)
    else void session.end(this.#options.limits.endMs, reason)
  }

  #retire(session: Session): void {
    this.#retired.set(session, this.#mistrusted.has(session) ? 'slow' : 'memory')
    if (this.#allocator.withdraw(session)) this.#freed(session)
  }

  /**
   * A fresh session is made ready before the watchdog decides, so that the place of one that hangs is
   * not empty for as long as that takes. One at a time: on a machine that slows all of them, more
   * sessions would only add to it.
   */
  #mistrust(session: Session): void {
    this.#mistrusted.add(session)
    if (this.#closing === undefined) this.#changeFor(session)
  }

  #left(session: Session, { reason, detail }: SessionEnd): void {
    this.#allocator.withdraw(session)
    this.#states.delete(session)
    this.#retired.delete(session)
    this.#options.observer.state(session.id, 'gone')
    if (reason === 'asked') return
    this.#options.observer.died(session.id, reason, detail)
    if (reason !== 'memory' && reason !== 'slow') this.#breaker.recordDeath()
    if (this.#hopeless()) this.#allocator.refuseNew(notReady())
  }

  /** @throws ServiceError when waiting for a session makes no sense */
  #checkHope(): void {
    if (this.#closing !== undefined) throw unloaded()
    if (this.#hopeless()) throw notReady()
  }

  #hopeless(): boolean {
    return this.#breaker.open && !this.#someoneWorks()
  }

  #someoneWorks(): boolean {
    const { idle, busy } = this.counts
    return idle + busy > 0
  }

  #checkUp(): void {
    for (const [session, state] of this.#states) {
      if (state === 'starting') continue
      if (isSilent(session, state === 'idle')) {
        this.#allocator.withdraw(session)
        session.kill('hang', silentDetail)
      } else this.#changeIfTooLarge(session)
    }
  }

  /** One at a time, and with a rest after each: a change costs a second copy of the model. */
  #changeIfTooLarge(session: Session): void {
    const { memory } = this.#options
    if (performance.now() < this.#nextChangeAt || !isTooLarge(session, memory)) return
    if (this.#changeFor(session)) this.#nextChangeAt = performance.now() + memory.minAgeMs
  }

  /** Fills the place of `session` again while it works. Answers whether that could begin. */
  #changeFor(session: Session): boolean {
    if (this.#seats.some(({ expecting }) => expecting)) return false
    const seat = this.#seats.find((seat) => seat.holds(session))
    seat?.open()
    return seat !== undefined
  }
}
