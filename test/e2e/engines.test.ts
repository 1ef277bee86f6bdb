// Models that TensorFlow wrote behind the real server, on the engine that is named and on the one it
// chooses; sessions of TensorFlow itself, two at a time.
import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { picture, png } from '../support/known-images.ts'
import { endAllServed, type ServedProcess, startServed } from '../support/served-process.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { exportsFolder, withoutEngine } from '../support/tensorflow.ts'

const side = 8
const classes = 10
/** What float32 arithmetic in another order may change in a probability. */
const tolerance = 1e-5
/** TensorFlow takes seconds to load, and a busy machine makes them many. */
const patient = { REQUEST_TIMEOUT_MS: '120000' }
/** Together two minutes: far longer than anything here takes. */
const [maxTries, pauseMs] = [2400, 50]
const needsEngine = { skip: withoutEngine }

after(endAllServed)

/** A server of exports of test/fixtures/tensorflow-exports. */
async function serve(
  t: TestContext,
  models: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<ServedProcess> {
  const repository = await tempFolder(t)
  for (const model of models) {
    await mkdir(join(repository, model))
    await symlink(join(exportsFolder, model, '1'), join(repository, model, '1'))
    // A picture of the model's own size reaches it pixel by pixel.
    const manifest = { preprocess: { resizeShortSide: side, cropSize: side } }
    await writeFile(join(repository, model, 'model.json'), JSON.stringify(manifest))
  }
  const [first = ''] = models
  const settings = { DEFAULT_MODEL: first, SESSIONS_PER_DEVICE: '1', ...patient, ...environment }
  return await startServed({ repository, environment: settings })
}

async function probabilities(
  server: ServedProcess,
  model: string,
  body: Uint8Array,
): Promise<number[]> {
  const url = `${server.origin}/v1/classify?model=${model}&top_k=${classes}`
  const response = await fetch(url, { method: 'POST', body: new Uint8Array(body) })
  const text = await response.text()
  assert.equal(response.status, 200, text)
  const { predictions } = JSON.parse(text) as {
    predictions: { index: number; probability: number }[]
  }
  return predictions.toSorted((a, b) => a.index - b.index).map((one) => one.probability)
}

interface Row {
  readonly model: string
  readonly engine: {
    readonly name: string
    readonly refused: readonly { readonly engine: string; readonly reason: string }[]
  }
}

async function engineOf(server: ServedProcess, model: string): Promise<Row['engine']> {
  const response = await fetch(`${server.origin}/v1/engine`)
  const { models } = (await response.json()) as { models: readonly Row[] }
  const row = models.find((one) => one.model === model)
  assert.ok(row, `${model} is not in /v1/engine`)
  return row.engine
}

function assertClose(found: readonly number[], expected: readonly number[]): void {
  assert.equal(found.length, expected.length)
  const differences = found.map((value, at) => Math.abs(value - (expected[at] as number)))
  assert.ok(Math.max(...differences) <= tolerance, `${found} is not ${expected}`)
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries += 1) {
    assert.ok(tries < maxTries, `${holds} never came true`)
    await pause(pauseMs)
  }
}

const pictures = (count: number) =>
  Promise.all(Array.from({ length: count }, (_, seed) => png(picture(seed, side), side)))

for (const engine of ['onnxruntime', 'tensorflow']) {
  const skip = engine === 'tensorflow' ? withoutEngine : false
  test(`${engine}: graphs that take int32 or int64 get the pixels as graphs of uint8 do`, {
    skip,
  }, async (t) => {
    const models = ['uint8', 'int32', 'int64']
    const server = await serve(t, models, { ENGINE: engine })
    for (const body of await pictures(2)) {
      const expected = await probabilities(server, 'uint8', body)
      assertClose(await probabilities(server, 'int32', body), expected)
      assertClose(await probabilities(server, 'int64', body), expected)
    }
    for (const model of models) assert.equal((await engineOf(server, model)).name, engine)
    await server.stop()
  })
}

test(
  'ENGINE=auto: a model with an operator that only TensorFlow has runs there, and says why',
  needsEngine,
  async (t) => {
    // The two are compared: where the CPU has bf16, the faster engine would take that by itself.
    const precise = { ENGINE: 'auto', PRECISION: 'fp32' }
    const server = await serve(t, ['incomplete-beta', 'uint8'], precise)
    const { name, refused } = await engineOf(server, 'incomplete-beta')
    assert.equal(name, 'tensorflow')
    assert.deepEqual(refused.map(({ engine }) => engine).sort(), ['onnxruntime', 'openvino'])
    const reason = refused.find(({ engine }) => engine === 'onnxruntime')?.reason ?? ''
    assert.match(reason, /Betainc/, 'the operator')
    assert.match(reason, /incomplete-beta/, 'the model')
    // The other model keeps the faster engine, and both are the same network.
    assert.notEqual((await engineOf(server, 'uint8')).name, 'tensorflow')
    for (const body of await pictures(2)) {
      const expected = await probabilities(server, 'uint8', body)
      assertClose(await probabilities(server, 'incomplete-beta', body), expected)
    }
    await server.stop()
  },
)

test('ENGINE=onnxruntime: such a model is refused, the log names operator, node and model', async (t) => {
  const server = await serve(t, ['uint8', 'incomplete-beta'], { ENGINE: 'onnxruntime' })
  const named = /model incomplete-beta: node "[^"]+" \(Betainc\)/
  await until(async () => server.log.some(({ msg = '' }) => named.test(msg)))
  const [body = new Uint8Array()] = await pictures(1)
  const url = `${server.origin}/v1/classify?model=incomplete-beta`
  const answer = await fetch(url, { method: 'POST', body: new Uint8Array(body) })
  assert.equal(answer.status, 404)
  assert.match(await answer.text(), /model_not_found|version_not_found/)
  assert.equal((await probabilities(server, 'uint8', body)).length, classes)
  await server.stop()
})

test(
  'two sessions of TensorFlow share the work, and one that is killed is replaced',
  needsEngine,
  async (t) => {
    const environment = { ENGINE: 'tensorflow', SESSIONS_PER_DEVICE: '2', MAX_BATCH_SIZE: '1' }
    const server = await serve(t, ['uint8'], environment)
    await until(async () => (await server.capacity('uint8')) === 2)
    const bodies = await pictures(16)
    const alone: number[][] = []
    for (const body of bodies) alone.push(await probabilities(server, 'uint8', body))
    const asked = bodies.map((body) => probabilities(server, 'uint8', body))
    for (const [at, found] of (await Promise.all(asked)).entries()) {
      assertClose(found, alone[at] as number[])
    }
    const [killed] = await server.sessions()
    process.kill(killed as number, 'SIGKILL')
    const after = bodies.map((body) => probabilities(server, 'uint8', body))
    for (const [at, found] of (await Promise.all(after)).entries()) {
      assertClose(found, alone[at] as number[])
    }
    await until(async () => (await server.capacity('uint8')) === 2)
    assert.equal(await server.metric('session_restarts_total'), 1)
    await server.stop()
  },
)
