// What a pool is told when it is made, what it is asked for, and what it reports while it works.
import type { EngineName, LoadRequest, ModelDescription } from '../engines/engine.ts'
import { defaultMemory, type MemoryOptions } from './checkup.ts'
import { type CropMemory, openCropMemory } from './crop-memory.ts'
import type { CropOutcome } from './outcomes.ts'
import type { Permits } from './permits.ts'
import {
  type BreakerOptions,
  defaultBreaker,
  defaultRestart,
  type RestartOptions,
} from './restart-policy.ts'
import type { SessionLine } from './session.ts'
import type { SessionDeath } from './session-end.ts'
import type { Spares } from './spares.ts'
import { defaultWatchdog, type WatchdogOptions } from './watchdog.ts'

export type SessionState = 'starting' | 'idle' | 'busy'

/** A session process, for the operator. */
export interface SessionInfo {
  readonly session: number
  readonly pid: number | undefined
  readonly device: string
  readonly state: SessionState
  /** Resident memory when it was last asked. */
  readonly rssBytes: number
}

/** What sessions tell the rest of the service about themselves. */
export interface SessionObserver {
  /** A session changed state; `gone` sessions are forgotten. */
  state(session: number, state: SessionState | 'gone'): void
  /** A session ended without being asked to; `detail` is for the log. */
  died(session: number, reason: SessionDeath, detail: string): void
}

/** The right to run one batch on an idle session, with its device's permit held. */
export interface SessionLease {
  /**
   * One outcome a crop, in order. Uses the lease up.
   * @param crops uint8 [height, width, 3] each
   * @param onStuck the session may hang: another one takes its place meanwhile
   */
  run(crops: readonly Uint8Array[], onStuck?: () => void): Promise<readonly CropOutcome[]>
  release(): void
}

export interface SessionPool {
  /** What the sessions run, once the first is warm. */
  readonly description: ModelDescription
  readonly refused: readonly { readonly engine: string; readonly reason: string }[]
  /** Milliseconds of the first full batch, which the first session ran to become warm. */
  readonly warmUpMs: number
  readonly counts: Readonly<Record<SessionState, number>>
  readonly sessions: readonly SessionInfo[]
  /** Whether a session is there to run a batch, and sessions do not just die one after another. */
  readonly ready: boolean
  /** Whether another model is in use on the same devices. */
  readonly shared: boolean
  /** Resolves when all the sessions it began with are warm, or have failed to become so. */
  readonly complete: Promise<void>
  /**
   * Resolves when a session is idle and its device has a permit to spare.
   * Rejects with ServiceError: `not_ready` while sessions only die, `draining` once closed.
   */
  lease(): Promise<SessionLease>
  /** Lets running batches finish, then ends every session process. */
  close(): Promise<void>
}

/** Sessions on one device. */
export interface Placement {
  /** `cpu`, `cuda:0`, `webgpu`, … */
  readonly device: string
  readonly sessions: number
  /** The device's, shared by the pools of all models. */
  readonly permits: Permits
}

export interface PoolLimits {
  /** Milliseconds until a load counts as hung. */
  readonly loadMs: number
  /** Milliseconds that a crop which is tried again waits for a session. */
  readonly retryMs: number
  /** Milliseconds that running batches get to finish when the pool closes. */
  readonly drainMs: number
  /** Milliseconds that a session process gets to end in good order. */
  readonly endMs: number
}

export interface SessionPoolOptions {
  readonly preference: EngineName | 'auto'
  readonly request: Omit<LoadRequest, 'device'>
  readonly placements: readonly Placement[]
  readonly observer?: SessionObserver
  /** What session processes write to their standard streams; nothing of it is for clients. */
  readonly onLine?: (line: SessionLine) => void
  readonly restart?: Partial<RestartOptions>
  readonly breaker?: Partial<BreakerOptions>
  readonly watchdog?: Partial<WatchdogOptions>
  readonly memory?: Partial<MemoryOptions>
  readonly limits?: Partial<PoolLimits>
  /**
   * Whether others are at work: sessions that load when the pool opens then leave them most of the
   * processor's time. Absent, they load at full speed.
   */
  readonly isBusy?: () => boolean
  /**
   * Whether the model's files are still those that are meant; asked when a session has loaded them,
   * which is refused otherwise. Absent, they are.
   */
  readonly isCurrent?: () => Promise<boolean>
  /** The session process's entry; another one injects faults in tests. */
  readonly entry?: URL
  /** Processes of the usual entry that are there already. */
  readonly spares?: Spares
  /** What each session gets its crops through; tests give none, or a full one. */
  readonly openCropMemory?: () => CropMemory | undefined
}

const defaultLimits: PoolLimits = {
  loadMs: 300_000, // an engine may compile kernels for minutes when it first meets a GPU
  retryMs: 10_000, // the default REQUEST_TIMEOUT_MS: nobody waits longer
  drainMs: 20_000, // the default SHUTDOWN_GRACE_MS
  endMs: 3_000,
}

const silent: SessionObserver = { state: () => {}, died: () => {} }

/** The options with their defaults filled in. */
export function settle(options: SessionPoolOptions) {
  return {
    preference: options.preference,
    request: options.request,
    placements: options.placements,
    observer: options.observer ?? silent,
    onLine: options.onLine ?? (() => {}),
    entry: options.entry ?? new URL('./worker.js', import.meta.url),
    spares: options.spares,
    openCropMemory: options.openCropMemory ?? openCropMemory,
    restart: { ...defaultRestart, ...options.restart },
    breaker: { ...defaultBreaker, ...options.breaker },
    watchdog: { ...defaultWatchdog, ...options.watchdog },
    memory: { ...defaultMemory, ...options.memory },
    limits: { ...defaultLimits, ...options.limits },
    isBusy: options.isBusy ?? (() => false),
    isCurrent: options.isCurrent ?? (() => Promise.resolve(true)),
  }
}

export type SettledOptions = ReturnType<typeof settle>
