// The log, on standard output: a line an event, in JSON. Neither a reader that stops reading nor a disk
// that is full may stop the service.
import { type Logger, pino } from 'pino'

/** Lines that wait to be written; what comes beyond is lost, not kept in memory. */
const maxWaitingBytes = 1024 * 1024

export function openLog(level: string): Logger {
  // Written by a thread: where nobody reads, that waits, and this one serves.
  const stdout = pino.destination({ dest: 1, sync: false, maxLength: maxWaitingBytes })
  let isRefused = false
  stdout.on('error', () => {
    isRefused = true
  })
  stdout.on('write', () => {
    isRefused = false
  })
  const flush = stdout.flushSync.bind(stdout)
  // Called when the process ends; it would try for ever.
  stdout.flushSync = () => {
    if (!isRefused) flush()
  }
  return pino({ level, base: null }, stdout)
}
