// `npm run rollout`: what a rollout in a cluster does, on this machine: real server processes behind a
// real HAProxy (deploy/haproxy/haproxy.cfg), scaled 1 -> 3 -> 1 under load, one of them killed. Every
// request that fails is counted, and what a replica takes and gives is written down.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { photographs } from './support/photographs.ts'
import { costOf } from './support/process-cost.ts'
import { scriptOptions } from './support/script-options.ts'
import { type ServerProcess, startServer } from './support/server-process.ts'
import { markdownTable } from './support/statistics.ts'
import { type LoadCount, startSteadyLoad } from './support/steady-load.ts'

const given = scriptOptions({
  seconds: { type: 'string', default: '15' },
  clients: { type: 'string', default: '8' },
  model: { type: 'string', default: 'resnet50' },
  output: { type: 'string', default: 'docs/performance/rollout.md' },
})

/** More than two looks of the balancer's check, which come a second apart. */
const shutdownDelayMs = 4000

const port = await freePort()
const folder = await mkdtemp(join(tmpdir(), 'rollout-'))
const socket = join(folder, 'haproxy.sock')
await writeFile(join(folder, 'haproxy.cfg'), await localConfiguration())
const balancer = spawn('haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')], { stdio: 'inherit' })
await new Promise((resolve, reject) => {
  balancer.once('spawn', resolve)
  balancer.once('error', () => reject(new Error('rollout needs HAProxy (Debian: haproxy)')))
})

const replicas: (ServerProcess | undefined)[] = []
const rows: string[][] = [
  [
    'step',
    'replicas',
    'requests',
    'failed',
    'requests/s',
    'p50, ms',
    'p99, ms',
    'CPU ms/image',
    'MB/replica',
  ],
]
try {
  await add(0)
  const load = startSteadyLoad({
    url: `http://127.0.0.1:${port}/v1/classify?model=${given.model}`,
    clients: Number(given.clients),
    bodies: await photographs(),
  })
  await measure('one replica')
  await measure('scaling 1 -> 3', async () => void (await Promise.all([add(1), add(2)])))
  await measure('three replicas')
  await measure('one killed (SIGKILL)', () => kill(1))
  await measure('it comes back', () => add(1))
  await measure('rolling restart of all', async () => {
    for (const index of [0, 1, 2]) {
      await leave(index)
      await add(index)
    }
  })
  await measure('scaling 3 -> 1', async () => void (await Promise.all([leave(1), leave(2)])))
  await measure('one replica again')
  const total = await load.stop()
  await report(total)
  process.exitCode = total.failed === 0 ? 0 : 1

  /** What the load saw while `act` ran and for a while after it. */
  async function measure(step: string, act?: () => Promise<void>): Promise<void> {
    load.look()
    const before = await costs()
    await act?.()
    await new Promise((resolve) => setTimeout(resolve, Number(given.seconds) * 1000))
    const count = load.look()
    const after = await costs()
    const cpuMs = after.cpuMs - before.cpuMs
    rows.push([
      step,
      String(running().length),
      String(count.answered),
      String(count.failed),
      (count.answered / count.seconds).toFixed(1),
      count.p50Ms.toFixed(0),
      count.p99Ms.toFixed(0),
      act === undefined ? (cpuMs / count.answered).toFixed(0) : '',
      (after.bytes / running().length / 1e6).toFixed(0),
    ])
    process.stderr.write(`${rows.at(-1)?.join('  ')}\n`)
  }
} finally {
  await Promise.all(running().map((replica) => replica.stop()))
  await end(balancer)
  await rm(folder, { recursive: true, force: true })
}

function running(): ServerProcess[] {
  return replicas.filter((replica) => replica !== undefined)
}

async function costs(): Promise<{ cpuMs: number; bytes: number }> {
  const each = await Promise.all(running().map(({ process: { pid } }) => costOf(pid as number)))
  return {
    cpuMs: each.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    bytes: each.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

/** Starts a replica and tells the balancer, as an endpoint controller would. */
async function add(index: number): Promise<void> {
  const replica = await startServer({
    SHUTDOWN_DELAY_MS: String(shutdownDelayMs),
    SESSIONS_PER_DEVICE: '1',
    LOG_LEVEL: 'info',
  })
  replicas[index] = replica
  const name = `replicas/replica${index + 1}`
  await command(`set server ${name} addr 127.0.0.1 port ${new URL(replica.origin).port}`)
  await command(`set server ${name} state ready`)
}

/** SIGTERM: it turns unready, the balancer sees that, and it ends when it owes nothing. */
async function leave(index: number): Promise<void> {
  const replica = replicas[index]
  replicas[index] = undefined
  await replica?.stop()
}

async function kill(index: number): Promise<void> {
  const replica = replicas[index]
  replicas[index] = undefined
  if (replica !== undefined) await end(replica.process, 'SIGKILL')
}

async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  child.kill(signal)
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

/** The configuration that docker-compose mounts, with replicas given by command instead of by name. */
async function localConfiguration(): Promise<string> {
  const text = await readFile('deploy/haproxy/haproxy.cfg', 'utf8')
  return text
    .replace(/^resolvers docker\n( .*\n)+/m, '')
    .replace('bind :8080', `bind 127.0.0.1:${port}`)
    .replace(/server-template .*/, 'server-template replica 3 127.0.0.1:1 disabled')
    .replace('global\n', `global\n  stats socket ${socket} level admin\n`)
}

/** https://docs.haproxy.org/2.6/management.html#9.3 */
async function command(text: string): Promise<void> {
  const connection = connect(socket)
  connection.end(`${text}\n`)
  let answer = ''
  for await (const chunk of connection) answer += String(chunk)
  // It says which address it changed; anything else is a refusal.
  if (answer.trim() !== '' && !/changed|no need to change/.test(answer)) {
    throw new Error(`HAProxy answered "${answer.trim()}" to "${text}"`)
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}

async function report({ answered, failed, failures }: LoadCount): Promise<void> {
  const text = `# A rollout, simulated

Generated by \`npm run rollout\`: ${given.model} on ${availableParallelism()} cores of ${cpus()[0]?.model.trim()}, ${given.clients} clients, real server processes
behind HAProxy with deploy/haproxy/haproxy.cfg. All replicas share the same cores, so more of them do not give more; what is
shown is that none of it costs a request: **${answered} requests, ${failed} failed**.

${markdownTable(rows)}

CPU is that of the whole replica, sessions included; memory is what it does not share with other processes.
${failures.map((failure) => `- ${failure}\n`).join('')}`
  await mkdir(dirname(given.output), { recursive: true })
  await writeFile(given.output, text)
  process.stdout.write(text)
}
