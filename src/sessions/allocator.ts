// Brings together a batch that wants to run, a session that is idle, and a permit of its device.
import type { Permits, ReleasePermit } from './permits.ts'
import type { Placement } from './pool-options.ts'
import type { Session } from './session.ts'

/** A session for one batch, with its device's permit held. */
export interface Grant {
  readonly session: Session
  /** Whether no other batch runs on the device now. */
  isAlone(): boolean
  /** Others may compute on the device, though this session does not answer yet. */
  letGo(): void
  /** Ends the grant; whether the session can work again is the allocator's to find out. */
  giveBack(): void
}

interface Lane {
  readonly permits: Permits
  readonly idle: Session[]
  /** Permits that were asked for and have not been granted. */
  wanted: number
}

interface Waiter {
  readonly resolve: (grant: Grant) => void
  readonly reject: (error: Error) => void
}

export interface AllocatorEvents {
  busy(session: Session): void
  /** The grant of `session` ended. */
  free(session: Session): void
}

export class Allocator {
  readonly #lanes: ReadonlyMap<string, Lane>
  readonly #events: AllocatorEvents
  readonly #waiting: Waiter[] = []
  #again: Waiter[] = []

  constructor(placements: readonly Placement[], events: AllocatorEvents) {
    this.#lanes = new Map(
      placements.map(({ device, permits }) => [device, { permits, idle: [], wanted: 0 }]),
    )
    this.#events = events
  }

  /** A session is ready for its next batch. */
  offer(session: Session): void {
    this.#laneOf(session).idle.push(session)
    this.#match()
  }

  /** A session is not to be given work any more. Answers whether it was idle. */
  withdraw(session: Session): boolean {
    const { idle } = this.#laneOf(session)
    const index = idle.indexOf(session)
    if (index === -1) return false
    idle.splice(index, 1)
    return true
  }

  /** Whether others compute on the devices of these sessions too. */
  get shared(): boolean {
    return [...this.#lanes.values()].some(({ permits }) => permits.sharedWith(this))
  }

  /** Waits for as long as it takes. */
  take(): Promise<Grant> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#match()
    })
  }

  /** For what is tried again: goes before all others, and waits no longer than `limitMs`. */
  takeAgain(limitMs: number): Promise<Grant> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#again = this.#again.filter((other) => other !== waiter)
        reject(new Error(`no session was free for ${limitMs} ms`))
      }
      const timer = setTimeout(giveUp, limitMs)
      const settled =
        <Value>(settle: (value: Value) => void) =>
        (value: Value) => {
          clearTimeout(timer)
          settle(value)
        }
      const waiter: Waiter = { resolve: settled(resolve), reject: settled(reject) }
      this.#again.push(waiter)
      this.#match()
    })
  }

  /** Turns away all that wait to run for the first time. */
  refuseNew(error: Error): void {
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error)
  }

  /** Turns away all that wait to be tried again. */
  refuseAgain(error: Error): void {
    for (const waiter of this.#again.splice(0)) waiter.reject(error)
  }

  /** Asks for a permit for each pair of a waiting batch and an idle session. */
  #match(): void {
    const wanting = this.#again.length + this.#waiting.length
    for (const lane of this.#lanes.values()) {
      while (lane.wanted < Math.min(lane.idle.length, wanting)) {
        lane.wanted += 1
        void lane.permits.acquire(this).then((release) => this.#granted(lane, release))
      }
    }
  }

  #granted(lane: Lane, release: ReleasePermit): void {
    lane.wanted -= 1
    // The session may have died, and the batch found another device, while the permit was waited for.
    const waiter = lane.idle.length === 0 ? undefined : this.#nextWaiter()
    const session = waiter === undefined ? undefined : takeIdle(lane.idle)
    if (waiter === undefined || session === undefined) {
      release()
      return
    }
    this.#events.busy(session)
    let given = false
    waiter.resolve({
      session,
      isAlone: () => lane.permits.held === 1,
      letGo: release,
      giveBack: () => {
        if (given) return
        given = true
        release()
        this.#events.free(session)
      },
    })
  }

  #nextWaiter(): Waiter | undefined {
    return this.#again.shift() ?? this.#waiting.shift()
  }

  #laneOf({ device }: Session): Lane {
    const lane = this.#lanes.get(device)
    if (lane === undefined) throw new Error(`no lane for device ${device}. This is a bug.`)
    return lane
  }
}

/** A wide one, which is faster where the batch runs alone, else the one with warm caches. */
function takeIdle(idle: Session[]): Session | undefined {
  const wide = idle.findIndex(({ isWide }) => isWide)
  return wide === -1 ? idle.pop() : idle.splice(wide, 1)[0]
}
