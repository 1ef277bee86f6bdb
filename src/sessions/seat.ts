// One place in the pool: it keeps a session alive on its device, filling itself again when the
// session dies, and changing a session that has grown too large without ever standing empty.

import { Backoff, type RestartOptions } from './restart-policy.ts'
import type { Session } from './session.ts'
import type { SessionEnd } from './session-end.ts'

export interface SeatEvents {
  /** A session is loaded and warm, and may be given work. */
  joined(session: Session): void
  /** A session is not needed any more: end it as soon as it is idle. */
  retired(session: Session): void
  /** The process of a session ended, for whatever reason. */
  left(session: Session, end: SessionEnd): void
}

export interface SeatOptions {
  /** Starts a session process on the seat's device. */
  readonly start: () => Session
  readonly restart: RestartOptions
  readonly events: SeatEvents
}

export class Seat {
  readonly #options: SeatOptions
  readonly #backoff: Backoff
  /** The session that works here. */
  #current: Session | undefined
  /** The session that will, once it is warm. */
  #coming: Session | undefined
  #restartTimer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: SeatOptions) {
    this.#options = options
    this.#backoff = new Backoff(options.restart)
  }

  /** Whether a session is on its way here. */
  get expecting(): boolean {
    return this.#coming !== undefined
  }

  holds(session: Session): boolean {
    return this.#current === session
  }

  /**
   * Fills the seat, with `session` where that was started before the seat. Where it is taken, the
   * present session goes on working until the new one is warm.
   */
  open(session: Session = this.#options.start()): void {
    this.#coming = session
    void session.ready.then(
      () => this.#arrived(session),
      () => {}, // its end is told by `gone`, and leads to the next try
    )
    void session.gone.then((end) => this.#left(session, end))
  }

  /** Starts no further sessions. Those that live are the caller's to end. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#restartTimer)
    this.#restartTimer = undefined
  }

  #arrived(session: Session): void {
    const before = this.#current
    this.#current = session
    this.#coming = undefined
    this.#options.events.joined(session)
    if (before !== undefined) this.#options.events.retired(before)
  }

  #left(session: Session, end: SessionEnd): void {
    if (this.#current === session) this.#current = undefined
    if (this.#coming === session) this.#coming = undefined
    this.#options.events.left(session, end)
    if (this.#closed || this.#current !== undefined || this.#coming !== undefined) return
    this.#restartTimer = setTimeout(() => this.open(), this.#backoff.delayMs(session))
  }
}
