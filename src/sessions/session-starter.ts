// Starts session processes of one model: the first one, which decides by which engine it is served,
// and after it the others, which use the same.
import type { EngineName } from '../engines/engine.ts'
import { ModelError } from '../errors.ts'
import { launchSession, type SessionProcess } from './launch.ts'
import type { RefusedEngine } from './messages.ts'
import type { SettledOptions } from './pool-options.ts'
import { Session } from './session.ts'
import { SessionEndedError } from './session-end.ts'
import { Watchdog } from './watchdog.ts'

interface Start {
  readonly excluded?: readonly RefusedEngine[]
  readonly yields?: boolean
  readonly isWide?: boolean
}

export class SessionStarter {
  readonly #options: SettledOptions
  readonly #leash: readonly string[]
  readonly #watchdog: Watchdog
  #engine: EngineName | 'auto'
  #nextSession = 1

  constructor(options: SettledOptions, leash: readonly string[]) {
    this.#options = options
    this.#leash = leash
    this.#watchdog = new Watchdog(options.watchdog)
    this.#engine = options.preference
  }

  /**
   * Starts sessions until one is ready. An engine whose library ends the process while it loads
   * (an instruction that the processor lacks, a crash, a hang) is left out at the next try.
   * @throws ModelError when the model cannot be loaded
   */
  async startFirst(device: string): Promise<Session> {
    const excluded: RefusedEngine[] = []
    for (;;) {
      const session = this.start(device, { excluded, yields: true })
      try {
        this.#engine = (await session.ready).description.engine
        return session
      } catch (error) {
        this.#options.observer.state(session.id, 'gone')
        if (!(error instanceof SessionEndedError)) throw error
        if (session.wasSpare && session.trying === undefined) continue
        excluded.push(this.#crashOf(session, error))
      }
    }
  }

  /** The last of them is wide: the first of all is what a start waits for, and that would take longer. */
  startOthers(devices: readonly string[]): readonly Session[] {
    return devices.map((device, at) =>
      this.start(device, { yields: true, isWide: at === devices.length - 1 }),
    )
  }

  /**
   * @param start `yields`: it is one more, not one that is missing, so others go before it;
   * `isWide`: images that come alone are for it, so it takes `threadsAlone` too
   */
  start(device: string, start: Start = {}): Session {
    const { excluded = [], yields = false, isWide = false } = start
    const id = this.#nextSession
    this.#nextSession += 1
    const { observer, limits, onLine, isBusy, isCurrent } = this.#options
    const { threadsAlone, ...request } = this.#options.request
    const wide = isWide && threadsAlone !== undefined ? { threadsAlone } : {}
    observer.state(id, 'starting')
    return new Session({
      id,
      process: this.#options.spares?.take(device) ?? this.#launch(device),
      load: {
        type: 'load',
        preference: this.#engine,
        request: { ...request, ...wide, device },
        excluded,
      },
      loadLimitMs: limits.loadMs,
      watchdog: this.#watchdog,
      onLine,
      isBusy: yields ? isBusy : null,
      isCurrent,
    })
  }

  #launch(device: string): SessionProcess {
    const { entry, request, openCropMemory } = this.#options
    const cropMemory = openCropMemory()
    return launchSession({ entry, device, label: request.model, cropMemory }, this.#leash)
  }

  /** @throws ModelError where no other engine may be tried, or the engine is not to blame */
  #crashOf({ trying }: Session, error: SessionEndedError): RefusedEngine {
    const { fromOutside, detail } = error.end
    if (this.#options.preference !== 'auto' || fromOutside || trying === undefined) {
      const when = trying === undefined ? 'before it loaded an engine' : `while it loaded ${trying}`
      const message = `model ${this.#options.request.model}: its session process ended ${when}: ${detail}`
      throw new ModelError('unsupported', message, { cause: error })
    }
    return { engine: trying, reason: `it ended the session process while loading (${detail})` }
  }
}
