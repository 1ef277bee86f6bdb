// Shows how far a download is: a bar on a terminal, a line at every tenth elsewhere.
import { Presets, SingleBar } from 'cli-progress'

export interface Progress {
  /** @param totalBytes null where the server does not say */
  update(receivedBytes: number, totalBytes: number | null): void
  stop(): void
}

const bytesPerMb = 1e6
/** Lines of a download whose length is known, and the bytes between lines of one that is not. */
const lines = 10
const bytesPerLine = 20 * bytesPerMb

/** A bar on standard error where that is a terminal, else lines there. */
export function createProgress(title: string): Progress {
  return process.stderr.isTTY
    ? createBar(title)
    : createLines(title, (line) => process.stderr.write(`${line}\n`))
}

export function createLines(title: string, say: (line: string) => void): Progress {
  let next = 0
  return {
    update(received, total) {
      if (received < next) return
      const step = total === null ? bytesPerLine : total / lines
      next = (Math.floor(received / step) + 1) * step
      const of = total === null ? '' : ` of ${megabytes(total)}`
      say(`${title}: ${megabytes(received)}${of} MB`)
    },
    stop() {},
  }
}

/** A bar that gives the terminal its cursor and its line ends back, also where Ctrl-C ends the program. */
export function terminalBar(format: string): SingleBar {
  const bar = new SingleBar({ format, hideCursor: true }, Presets.shades_classic)
  const leave = (signal: NodeJS.Signals) => {
    bar.stop()
    process.kill(process.pid, signal) // nobody listens any more: it ends the program
  }
  bar.on('start', () => {
    for (const signal of endings) process.once(signal, leave)
  })
  bar.on('stop', () => {
    for (const signal of endings) process.off(signal, leave)
  })
  return bar
}

const endings = ['SIGINT', 'SIGTERM'] as const

function createBar(title: string): Progress {
  const bar = terminalBar(`${title} {bar} {percentage} % of {size} MB, {eta_formatted} left`)
  let started = false
  return {
    update(received, total) {
      const size = total === null ? '?' : megabytes(total)
      if (!started) bar.start(total ?? received, received, { size })
      started = true
      bar.setTotal(total ?? received)
      bar.update(received, { size })
    },
    stop() {
      if (started) bar.stop()
    },
  }
}

function megabytes(bytes: number): string {
  return (bytes / bytesPerMb).toFixed(1)
}
