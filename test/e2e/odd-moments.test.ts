// Signals when nobody expects them, a scraper that holds on, and a log that cannot be written.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isAlive } from '../support/is-alive.ts'
import { writeSmallModel } from '../support/known-images.ts'
import { endAllServed, startServed } from '../support/served-process.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { until } from '../support/test-pool.ts'

let repository: string
before(async () => {
  repository = await mkdtemp(join(tmpdir(), 'resnet-serving-odd-'))
  await writeSmallModel(repository, { name: 'small', seed: 3 })
})
after(async () => {
  endAllServed()
  await rm(repository, { recursive: true, force: true })
})

const program = fileURLToPath(new URL('../../src/cli/bin.cjs', import.meta.url))
const usual = { PORT: '0', ENGINE: 'onnxruntime', SESSIONS_PER_DEVICE: '1', MODEL_SOURCE: 'none' }

interface Bare {
  readonly child: ChildProcess
  /** What it wrote so far. */
  readonly text: () => string
  /** Exit code, or signal. */
  readonly ended: Promise<number | string>
}

/** The process itself, which need not come to listen. */
function start(
  t: TestContext,
  environment: Readonly<Record<string, string>>,
  stdout: 'pipe' | number = 'pipe',
): Bare {
  const child = spawn(process.execPath, [program, 'serve'], {
    env: { ...process.env, ...usual, ...environment },
    stdio: ['ignore', stdout, 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
    })
  }
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string)
  return { child, text: () => text, ended }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

test('SIGTERM: a connection to the port of metrics does not hold the process', async () => {
  const metricsPort = await freePort()
  const environment = { METRICS_PORT: String(metricsPort) }
  const server = await startServed({ repository, environment })
  const silent = connect(metricsPort, '127.0.0.1')
  await once(silent, 'connect')
  assert.equal((await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).status, 200)
  assert.equal(await server.stop(), 0, 'the grace ran out')
  silent.destroy()
})

test('SIGTERM while it starts: it ends in good order, and SIGHUP does nothing', async (t) => {
  for (const first of ['SIGTERM', 'SIGHUP'] as const) {
    const { child, text, ended } = start(t, { MODEL_REPOSITORY: repository })
    await untilNamed(child)
    child.kill(first)
    if (first === 'SIGHUP') {
      await until(() => /"listening"/.test(text()))
      child.kill('SIGTERM')
    }
    assert.equal(await ended, 0, text())
    assert.doesNotMatch(text(), /"level":[56]0|\n {4}at /)
  }
})

/** Its name is the first thing that the server sets. */
async function untilNamed({ pid }: ChildProcess): Promise<void> {
  const name = () => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  while (!(await name()).startsWith('resnet-serving')) await sleep(5)
}

test('a start that is ended while it builds models ends what builds them', async (t) => {
  const empty = await tempFolder(t)
  const { child, text, ended } = start(t, { MODEL_REPOSITORY: empty })
  await until(() => /RANDOM/.test(text()))
  const builders = await childrenOf(child)
  assert.equal(builders.length, 1)
  child.kill('SIGTERM')
  assert.equal(await ended, 'SIGTERM')
  for (const pid of builders) while (isAlive(pid)) await sleep(5)
  const left = await readdir(empty)
  assert.ok(!left.includes('resnet50'), 'it went on building')
  assert.ok(!left.includes('.filling.lock'), 'the next start would wait')
})

async function childrenOf({ pid }: ChildProcess): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.trim().split(' ').filter(Boolean).map(Number)
}

test('a session that died after its files were replaced, unannounced: what is there now is served', async (t) => {
  const models = await tempFolder(t)
  await writeSmallModel(models, { name: 'small', seed: 3 })
  const server = await startServed({ repository: models })
  await writeSmallModel(models, { name: 'small', seed: 4 })
  for (const pid of await server.sessions()) process.kill(pid, 'SIGKILL')
  while ((await server.capacity('small')) > 0) await sleep(5)
  while ((await server.capacity('small')) < 2) await sleep(20)
  assert.equal(server.log.filter(({ msg }) => msg === 'model ready').length, 2)
  assert.equal(await server.stop(), 0)
})

test('a log on a disk that is full neither stops the service nor keeps it from ending', async (t) => {
  const port = await freePort()
  const full = await open('/dev/full', 'w')
  const { child, ended } = start(t, { MODEL_REPOSITORY: repository, PORT: String(port) }, full.fd)
  const ask = () => fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => undefined)
  while (!(await ask())?.ok) await sleep(20)
  child.kill('SIGTERM')
  assert.equal(await ended, 0)
  await full.close()
})

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
