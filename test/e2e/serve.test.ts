// `serve` as people run it: a process that listens only when it can answer, keeps answering when a
// session is killed, and leaves in good order.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { isAnswerOf, startLoad } from '../support/checked-load.ts'
import { isAlive } from '../support/is-alive.ts'
import { type KnownImage, knownImages, writeSmallModel } from '../support/known-images.ts'
import { faultyPicture } from '../support/pictures.ts'
import { runCommand } from '../support/run-command.ts'
import { endAllServed, type ServedProcess, startServed } from '../support/served-process.ts'
import { until } from '../support/test-pool.ts'

const model = { name: 'resnet50', seed: 3 }
/** A busy machine is slow, not wrong: nobody is refused for what would come late. */
const patient = { REQUEST_TIMEOUT_MS: '120000' }

let repository: string
let images: readonly KnownImage[]

before(async () => {
  repository = await mkdtemp(join(tmpdir(), 'resnet-serving-serve-'))
  await writeSmallModel(repository, model)
  images = await knownImages(repository, model, 6)
})
after(async () => {
  endAllServed()
  await rm(repository, { recursive: true, force: true })
})

function classify(server: ServedProcess, body: Uint8Array): Promise<Response> {
  const url = `${server.origin}/v1/classify?top_k=10`
  return fetch(url, { method: 'POST', body: new Uint8Array(body) })
}

async function assertRight(server: ServedProcess, image: KnownImage): Promise<void> {
  const response = await classify(server, image.body)
  assert.equal(response.status, 200)
  assert.ok(isAnswerOf((await response.json()) as object, image))
}

test('the line `listening` comes after the warm-up: the first request is answered, and right', async () => {
  const server = await startServed({ repository })
  assert.equal((await fetch(`${server.origin}/health/ready`)).status, 200)
  const health = await runCommand(['health', '--url', server.origin])
  assert.deepEqual([health.code, health.stdout], [0, 'ready\n'])
  for (const image of images) await assertRight(server, image)
  const messages = server.log.map(({ msg }) => msg)
  assert.ok(messages.indexOf('model ready') < messages.indexOf('listening'))
  assert.equal(messages.filter((msg) => /listening/i.test(msg ?? '')).length, 1)
  assert.ok(
    messages.includes(`requests that name no model get ${model.name}`),
    'it is not resnet50',
  )
  assert.deepEqual(server.noise, [], 'nothing but log lines is written')
  assert.equal(await server.stop(), 0)
})

test('answers that mean nothing say so in every answer', async () => {
  const server = await startServed({ repository })
  const response = await classify(server, (images[0] as KnownImage).body)
  assert.equal(((await response.json()) as { weights: string }).weights, 'random')
  await server.stop()
})

test('a session that is killed under load is replaced, and no client notices', async () => {
  const server = await startServed({ repository, environment: patient })
  const load = startLoad({ origin: server.origin, model: model.name, images, clients: 4 })
  await until(() => load.figure.ok >= 20)
  const sessions = await server.sessions()
  assert.equal(sessions.length, 2)
  process.kill(sessions[0] as number, 'SIGKILL')
  const before = load.figure.ok
  await until(() => load.figure.ok >= before + 20)
  while ((await server.capacity(model.name)) < 2) await new Promise((go) => setTimeout(go, 20))
  const { wrong, lost, refused } = await load.stop()
  assert.deepEqual([wrong, lost, refused], [0, [], {}])
  assert.equal(await server.metric('session_restarts_total'), 1)
  assert.equal(await server.stop(), 0)
})

test('SIGTERM: what was accepted is answered, nothing new is, and the process ends with 0', async () => {
  const server = await startServed({
    repository,
    faulty: true,
    environment: { ...patient, SESSIONS_PER_DEVICE: '1', MAX_BATCH_SIZE: '1' },
  })
  const bodies = await Promise.all([1, 2, 3].map((seed) => faultyPicture('slow', seed)))
  const accepted = Promise.all(bodies.map((body) => classify(server, body)))
  let accepting = 0
  while (accepting < 3) {
    accepting = await inFlight(server)
    await new Promise((go) => setTimeout(go, 5))
  }
  server.process.kill('SIGTERM')
  for (const { status } of await accepted) assert.equal(status, 200)
  assert.equal(await server.ended, 0)
  await assert.rejects(classify(server, bodies[0] as Uint8Array))
  assert.deepEqual(
    server.log.map(({ msg }) => msg).filter((msg) => msg === 'draining' || msg === 'stopped'),
    ['draining', 'stopped'],
  )
})

/** Images that wait or run. */
async function inFlight(server: ServedProcess): Promise<number> {
  const response = await fetch(`${server.origin}/v1/models`)
  const { models } = (await response.json()) as {
    models: readonly { queueDepth: number; sessions: { busy: number } }[]
  }
  return models.reduce((sum, { queueDepth, sessions }) => sum + queueDepth + sessions.busy, 0)
}

test('while it leaves, readiness is 503 and what still comes is answered', async () => {
  const server = await startServed({ repository, environment: { SHUTDOWN_DELAY_MS: '60000' } })
  server.process.kill('SIGTERM')
  let status = 200
  while (status === 200) status = (await fetch(`${server.origin}/health/ready`)).status
  assert.equal(status, 503)
  await assertRight(server, images[0] as KnownImage)
  server.process.kill('SIGTERM')
  assert.equal(await server.ended, 1, 'a second signal ends it at once')
})

test('no session process outlives the server, even when that is killed', async () => {
  const server = await startServed({ repository })
  const sessions = await server.sessions()
  server.process.kill('SIGKILL')
  await server.ended
  await until(() => sessions.every((pid) => !isAlive(pid)))
})

test('SIGTERM: a connection on which nothing was ever sent does not hold the process', async () => {
  const environment = { REQUEST_TIMEOUT_MS: '600000', SHUTDOWN_GRACE_MS: '20000' }
  const server = await startServed({ repository, environment })
  const { hostname, port } = new URL(server.origin)
  const silent = connect(Number(port), hostname)
  await once(silent, 'connect')
  assert.equal((await fetch(`${server.origin}/health/live`)).status, 200)
  assert.equal(await server.stop(), 0, 'the grace ran out')
  silent.destroy()
})

test('a start that cannot work ends with one line that says why', async () => {
  const server = await startServed({ repository })
  const { port } = new URL(server.origin)
  // 2 is a variable that is wrong in itself, 1 is what this machine says no to.
  const failures: [Record<string, string>, RegExp, number?][] = [
    [{ PORT: 'http' }, /^PORT is "http": not a whole number; expected .*\n$/, 2],
    [{ PORT: port }, /^port \d+ of 127\.0\.0\.1 is in use by another program[^\n]*\n$/],
    [{ HOST: '203.0.113.1' }, /^[^\n]*203\.0\.113\.1[^\n]*\n$/],
    [{ MODELS: 'resnet99' }, /^[^\n]*resnet99[^\n]*resnet50[^\n]*\n$/],
    [{ MODEL_REPOSITORY: '/dev/null/models' }, /^[^\n]*\/dev\/null\/models[^\n]*\n$/],
    [{ ENGINE: 'tensorrt' }, /^ENGINE is "tensorrt": unknown; expected one of auto, [^\n]*\n$/, 2],
  ]
  for (const [environment, message, expected = 1] of failures) {
    const base = { MODEL_REPOSITORY: repository, MODEL_SOURCE: 'none', ENGINE: 'onnxruntime' }
    const { code, stderr } = await runCommand(['serve'], { PORT: '0', ...base, ...environment })
    assert.equal(code, expected, stderr)
    assert.match(stderr, message)
  }
  await server.stop()
})
