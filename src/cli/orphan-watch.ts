// Notices that the process that started this one is gone, however it ended: npm and its shell (`npm
// start`, `npx`, a script of a package.json) end at a signal and hand none on, and nothing can be handed
// on by a process that was killed.

/** Until then an orphan keeps its port. */
const lookEveryMs = 500

/** Read at once: the parent may end while this process still starts. */
const parentPid = process.ppid

/** Aborts within half a second of the parent's end. */
export function watchParent(): AbortSignal {
  const gone = new AbortController()
  const watch = setInterval(() => {
    // An orphan is adopted: by process 1, or by a subreaper such as systemd or docker-init.
    if (process.ppid === parentPid) return
    clearInterval(watch)
    gone.abort()
  }, lookEveryMs)
  watch.unref()
  return gone.signal
}

/**
 * Whether npm runs `resnet-serving serve` and nothing else: `npx resnet-serving serve`, or a script of
 * someone's package.json. What a longer script puts into the background is meant to outlive it.
 * @param environment npm_lifecycle_script is what npm hands its shell; npx leaves the arguments out
 */
export function isNpmCommand(environment: NodeJS.ProcessEnv): boolean {
  return serveAlone.test(environment.npm_lifecycle_script ?? '')
}

const serveAlone = /^(\w+=\S*\s+)*['"]?resnet-serving['"]?(\s+serve\b[^&|;]*)?$/
