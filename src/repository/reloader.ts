// When the repository is looked at again: every so often, when somebody asks, and soon after a
// folder was found that is still being written. Never twice at once, and never on an old look: who
// asks while one is going on gets one more, however many ask.

export interface ReloaderOptions {
  /** Looks, and acts on what it finds. */
  readonly look: (insist: boolean) => Promise<{ readonly unsettled: boolean }>
  /** Milliseconds between looks; 0 looks only when asked. */
  readonly pollMs: number
  /** Milliseconds until the next look after one that found something unsettled. */
  readonly settleMs: number
  readonly failed: (error: unknown) => void
}

export interface Reloader {
  /**
   * Looks now, or once the present look is over.
   * @param insist tries again at once what failed before
   */
  ask(insist: boolean): Promise<void>
  /** Begins to look by itself. */
  start(): void
  stop(): void
}

export function createReloader({ look, pollMs, settleMs, failed }: ReloaderOptions): Reloader {
  let present: Promise<void> | undefined
  let next: { promise: Promise<void>; insist: boolean } | undefined
  let timer: NodeJS.Timeout | undefined
  let isStopped = true

  async function lookOnce(insist: boolean): Promise<void> {
    clearTimeout(timer)
    let waitMs = pollMs
    try {
      const { unsettled } = await look(insist)
      if (unsettled) waitMs = pollMs === 0 ? settleMs : Math.min(pollMs, settleMs)
    } finally {
      if (!isStopped && waitMs > 0) timer = setTimeout(byItself, waitMs)
    }
  }

  function run(insist: boolean): Promise<void> {
    const looking = lookOnce(insist).finally(() => {
      if (present === looking) present = undefined
    })
    present = looking
    return looking
  }

  function ask(insist: boolean): Promise<void> {
    if (present === undefined) return run(insist)
    if (next !== undefined) {
      next.insist ||= insist
      return next.promise
    }
    const follow = () => {
      const due = next?.insist ?? insist
      next = undefined
      return run(due)
    }
    next = { promise: present.then(follow, follow), insist }
    return next.promise
  }

  function byItself(): void {
    ask(false).catch(failed)
  }

  return {
    ask,
    start() {
      isStopped = false
      if (present === undefined && pollMs > 0) timer = setTimeout(byItself, pollMs)
    },
    stop() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}
