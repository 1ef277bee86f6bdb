// The session process's entry, and the only file outside engines/ that loads them.
// Started as `node worker.js <pid of the service> <label for ps>`.
import { loadWithPreferredEngine, probeEngine } from '../engines/choose.ts'
import { serveSession } from './session-process.ts'

serveSession({ load: loadWithPreferredEngine, probe: probeEngine }, Number(process.argv[2]))
