// Notices that the process that started this one is gone, however it ended: `npm start` and its shell
// end at a signal and hand none on, and nothing can be handed on by a process that was killed.

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
