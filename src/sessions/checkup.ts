// Looks after sessions between batches: whether an idle one still answers, and whether one has
// grown so large that it should be changed for a fresh one.
import type { Session } from './session.ts'

export interface MemoryOptions {
  /** A session whose resident memory is above this is changed; `Infinity` never. */
  readonly limitBytes: number
  /** So is one that has grown to this many times what it was after its warm-up, … */
  readonly growthFactor: number
  /** … once it has also grown by this much: small models grow by large factors at no harm. */
  readonly minGrowthBytes: number
  /** A session younger than this is left alone, so that a low limit cannot keep the pool busy. */
  readonly minAgeMs: number
}

const mib = 1 << 20

export const defaultMemory: MemoryOptions = {
  limitBytes: Number.POSITIVE_INFINITY,
  growthFactor: 3,
  minGrowthBytes: 512 * mib,
  minAgeMs: 60_000,
}

/** Milliseconds between checkups. */
export const checkupEveryMs = 1_000

/** Checkups that an idle session may leave unanswered: about as long as a hung batch may take. */
const maxUnanswered = 3

/** What a session is told to have done wrong when it is ended for its silence. */
export const silentDetail = `idle, and silent for ${maxUnanswered * checkupEveryMs} ms`

/** A limit below what a warm session needs would change sessions for ever: it is raised to this. */
const leastLimitFactor = 1.2

/** Asks a session how large it is. Answers whether it has been idle and silent for too long. */
export function isSilent(session: Session, idle: boolean): boolean {
  if (!idle) session.unanswered = 0 // its run has a watchdog of its own
  if (session.unanswered >= maxUnanswered) return true
  session.askStats()
  return false
}

export function isTooLarge(session: Session, options: MemoryOptions): boolean {
  if (performance.now() - session.startedAt < options.minAgeMs) return false
  const warmBytes = session.loaded.rssBytes
  const grown = Math.max(warmBytes * options.growthFactor, warmBytes + options.minGrowthBytes)
  const limit = Math.max(options.limitBytes, warmBytes * leastLimitFactor)
  return session.rssBytes > Math.min(grown, limit)
}
