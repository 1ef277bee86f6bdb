// How a session process can end, and how a run can fail: by its batch, or by its session's end.

export type SessionDeath = 'exit' | 'signal' | 'hang' | 'slow' | 'memory' | 'protocol' | 'load'

export interface SessionEnd {
  readonly reason: SessionDeath | 'asked'
  /** For the log: a signal, an exit code, what was wrong. */
  readonly detail: string
  /** Whether somebody outside killed it (an operator, the kernel for want of memory). */
  readonly fromOutside: boolean
}

/** Signals that a crash of native code does not send: they come from somebody outside. */
const outsideSignals: readonly string[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']

/** The end of a process that nobody here asked to end. */
export function endUnasked(detail: string, signal: string | null): SessionEnd {
  const fromOutside = signal !== null && outsideSignals.includes(signal)
  return { reason: signal === null ? 'exit' : 'signal', detail, fromOutside }
}

/** The session process ended; whatever it was doing was not done. */
export class SessionEndedError extends Error {
  override readonly name = 'SessionEndedError'
  readonly end: SessionEnd

  constructor(end: SessionEnd) {
    super(`the session process ended (${end.reason}): ${end.detail}`)
    this.end = end
  }
}

/** The engine could not run this batch; the session lives on. */
export class RunFailedError extends Error {
  override readonly name = 'RunFailedError'
}
