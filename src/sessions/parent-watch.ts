// A thread of the session process that ends the process when the service is gone. It works while
// the main thread is inside native code and can neither read its pipe nor be asked to stop.
import { workerData } from 'node:worker_threads'

/** Half of the two seconds an orphan may live, less the time a kill takes. */
const lookEveryMs = 500

const { parentPid } = workerData as { readonly parentPid: number }

setInterval(() => {
  // An orphan is adopted: by process 1, or by a subreaper such as systemd or docker-init.
  if (process.ppid !== parentPid) process.kill(process.pid, 'SIGKILL')
}, lookEveryMs)
