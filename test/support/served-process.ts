// A server in a process of its own, for tests that hurt it: its log, its sessions, its metrics, its
// end.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'

export interface ServedOptions {
  readonly repository: string
  readonly environment?: Readonly<Record<string, string>>
  /** Its sessions obey images that carry a fault. */
  readonly faulty?: boolean
  /** What starts the process, e.g. `['bash', '-c', 'ulimit -n 64; exec "$@"', 'bash']`. */
  readonly wrapper?: readonly string[]
}

export interface LogLine {
  readonly msg?: string
  readonly level: number
  readonly address?: string
  /** Milliseconds since 1970. */
  readonly time: number
  readonly model?: string
  /** In the line `model ready`. */
  readonly loadMs?: number
}

export interface ServedProcess {
  readonly origin: string
  readonly process: ChildProcess
  readonly pid: number
  readonly log: readonly LogLine[]
  /** What it wrote that is no log line: stack traces, libraries' words. */
  readonly noise: readonly string[]
  /** Resolves with its exit code or signal. */
  readonly ended: Promise<number | string>
  sessions(): Promise<readonly number[]>
  /** Sum of a metric's series whose labels all match. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>
  /** Sessions of `model` that can work: idle or busy. */
  capacity(model: string): Promise<number>
  residentBytes(): Promise<number>
  stop(): Promise<number | string>
}

const living = new Set<ChildProcess>()

/** Ends the servers that a failed test left behind. */
export function endAllServed(): void {
  for (const child of living) child.kill('SIGKILL')
}

const programs = {
  real: fileURLToPath(new URL('../../src/cli/bin.cjs', import.meta.url)),
  faulty: fileURLToPath(new URL('../fixtures/faulty-server.js', import.meta.url)),
}

export async function startServed(options: ServedOptions): Promise<ServedProcess> {
  const { repository, environment = {}, faulty = false, wrapper = [] } = options
  const program = faulty ? [programs.faulty] : [programs.real, 'serve']
  const [command = '', ...args] = [...wrapper, process.execPath, ...program]
  const child = spawn(command, args, {
    env: {
      ...process.env,
      ...{ PORT: '0', MODEL_REPOSITORY: repository, ENGINE: 'onnxruntime' },
      ...{ SESSIONS_PER_DEVICE: '2', THREADS_PER_SESSION: '1', MODEL_SOURCE: 'none' },
      // Load is made of a few known images: each of them is to be computed.
      SHARE_IN_FLIGHT: 'off',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  living.add(child)
  child.once('exit', () => living.delete(child))
  const log: LogLine[] = []
  const noise: string[] = []
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string)
  const origin = await new Promise<string>((resolve, reject) => {
    void ended.then((end) => reject(new Error(`the server ended (${end}): ${noise.join('\n')}`)))
    createInterface({ input: child.stderr }).on('line', (line) => noise.push(line))
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = parseLine(text)
      if (line === undefined) noise.push(text)
      else log.push(line)
      if (line?.msg === 'listening' && line.address !== undefined) resolve(line.address)
    })
  })
  const { pid } = child as { pid: number }
  return { ...viewOf(origin, pid), origin, process: child, pid, log, noise, ended, stop }

  async function stop() {
    child.kill('SIGTERM')
    return await ended
  }
}

function parseLine(text: string): LogLine | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function viewOf(origin: string, pid: number) {
  return {
    async sessions() {
      const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
      return text.trim().split(' ').filter(Boolean).map(Number)
    },
    async metric(name: string, labels: Readonly<Record<string, string>> = {}) {
      const { body } = await request(`${origin}/metrics`)
      const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
      return (await body.text())
        .split('\n')
        .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
        .filter((line) => wanted.every((label) => line.includes(label)))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
    },
    async capacity(model: string) {
      const { body } = await request(`${origin}/v1/models`)
      const { models } = (await body.json()) as { models: readonly ModelRow[] }
      const served = models.find((row) => row.model === model && row.state === 'ready')
      return served === undefined ? 0 : served.sessions.idle + served.sessions.busy
    },
    residentBytes: () => residentBytes(pid),
  }
}

interface ModelRow {
  readonly model: string
  readonly state: string
  readonly sessions: { readonly idle: number; readonly busy: number }
}

/** Resident memory of a process, 0 when it is gone. */
export async function residentBytes(pid: number, field: 'VmRSS' | 'VmHWM' = 'VmRSS') {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(text)?.[1] ?? 0) * 1024
}
