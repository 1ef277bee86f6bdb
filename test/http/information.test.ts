// What the service says of itself: models, labels, engine, health, metrics, contract, pages.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import request from 'supertest'
import { createMetricsServer } from '../../src/http/metrics-server.ts'
import { assertContract } from '../support/contract-check.ts'
import { picture } from '../support/pictures.ts'
import { assertProblem } from '../support/problems.ts'
import { codeOf, openSocket, statusOf } from '../support/raw-socket.ts'
import { type Service, startService } from '../support/service.ts'
import { smallLabels } from '../support/small-repository.ts'

let service: Service

before(async () => {
  service = await startService({
    models: [
      { name: 'small', versions: { 1: 1, 3: 2 }, manifest: { versions: { stable: 1 } } },
      { name: 'broken', manifest: { labels: 'model.json' } },
    ],
  })
})
after(() => service.close())

const get = (path: string) => request(service.origin).get(path)

test('/v1/models lists every version with its state, and why it means what it means', async () => {
  const response = await get('/v1/models')
  assertContract(response)
  const { models } = response.body
  const summary = models.map((row: Record<string, unknown>) => [
    ...[row.model, row.version, row.state, row.served, row.default],
  ])
  assert.deepEqual(summary, [
    ['small', '3', 'ready', true, true],
    ['small', '1', 'ready', false, false],
    ['broken', '1', 'failed', false, false],
  ])
  const [newest, stable] = models
  assert.deepEqual(stable.labels, ['stable'])
  assert.deepEqual(newest.weights, { kind: 'random' })
  assert.deepEqual(newest.input, { name: 'images', dtype: 'uint8', shape: [-1, 32, 32, 3] })
  assert.equal(newest.output.classes, 10)
  assert.equal(newest.preprocess.cropSize, 32)
  assert.equal(newest.engine.name, 'onnxruntime')
})

test('why a model failed stands in the log, not in an answer', async () => {
  const { text } = await get('/v1/models')
  assert.doesNotMatch(text, /lines/)
  const line = service.log.find(({ model, level }) => model === 'broken' && level === 50)
  assert.match(String(line?.msg), /broken\/model.json has 1 lines, the model has 10 classes/)
})

test('a model that failed is not ready, and asking it says that it is not there', async () => {
  assertProblem(await get('/health/ready'), [503, 'not_ready'])
  const response = await request(service.origin)
    .post('/v1/classify?model=broken')
    .send(await picture(1))
  assertProblem(response, [404, 'model_not_found'])
})

test("/v1/models/{model}/labels are the model's classes in order", async () => {
  const response = await get('/v1/models/small/labels')
  assertContract(response)
  const labels = smallLabels.map((label, index) => ({ index, label }))
  assert.deepEqual(response.body, { model: 'small', labels })
  assert.deepEqual((await get('/v1/models/small/labels?version=stable')).body.labels, labels)
  assertProblem(await get('/v1/models/nobody/labels'), [404, 'model_not_found'])
  assertProblem(await get('/v1/models/small/labels?version=2'), [404, 'version_not_found'])
  assertProblem(await get(`/v1/models/${'a'.repeat(300)}/labels`), [404, 'route_not_found'])
})

test('/v1/engine says what runs, on what, in what precision', async () => {
  const response = await get('/v1/engine')
  assertContract(response)
  assert.equal(response.body.version, '0.0.0-test')
  const [{ engine }] = response.body.models
  assert.deepEqual([engine.device, engine.precision, engine.threads], ['cpu', 'fp32', 1])
  assert.ok(Array.isArray(engine.refused))
})

test('/health/live answers whatever happens to models', async () => {
  const response = await get('/health/live')
  assertContract(response)
  assert.equal(response.headers['cache-control'], 'no-store')
})

test('/metrics is what Prometheus reads', async () => {
  await request(service.origin)
    .post('/v1/classify')
    .send(await picture(1))
  await get('/nowhere/at/all')
  const response = await get('/metrics')
  assertContract(response)
  const lines = response.text.split('\n')
  const value = (start: string) =>
    lines
      .find((line) => line.startsWith(start))
      ?.split(' ')
      .at(-1)
  assert.equal(value('images_total{model="small",version="3",outcome="ok"}'), '1')
  assert.equal(value('image_format_total{format="png"}'), '1')
  assert.ok(Number(value('rejected_total{reason="route_not_found"}')) >= 1)
  assert.doesNotMatch(response.text, /nowhere/, 'no text of a client becomes a label')
  for (const stage of ['admission', 'decode', 'queue', 'infer', 'respond']) {
    const name = `classify_stage_duration_seconds_count{stage="${stage}",model="small",version="3"}`
    assert.equal(value(name), '1', stage)
  }
  const info =
    'model_info{model="small",version="3",engine="onnxruntime",device="cpu",precision="fp32",weights="random"}'
  assert.equal(value(info), '1')
})

test('/openapi.yaml is the file itself', async () => {
  const response = await get('/openapi.yaml')
  assertContract(response)
  const file = readFileSync(new URL('../../../openapi.yaml', import.meta.url), 'utf8')
  assert.equal(response.text, file)
})

test('/docs and / are pages', async () => {
  for (const path of ['/docs', '/']) {
    const response = await get(path).redirects(1)
    assert.equal(response.status, 200, path)
    assert.match(response.headers['content-type'] ?? '', /^text\/html/)
  }
})

test('documents are sent whole, or not at all where there are none, whatever is wished', async () => {
  const wishes: [string, string][] = [
    ...['bytes=99999999-', 'bytes=5-2', 'bytes=0-9'].map((range): [string, string] => [
      'range',
      range,
    ]),
    ['if-match', '"x"'],
    ['if-unmodified-since', 'Mon, 01 Jan 1990 00:00:00 GMT'],
  ]
  for (const path of ['/', '/docs/static/swagger-ui.css']) {
    for (const [name, value] of wishes) {
      const { status } = await get(path).set(name, value)
      assert.equal(status, 200, `${path} ${name}: ${value}`)
    }
    const { headers } = await get(path)
    const again = await get(path).set('if-none-match', headers.etag ?? '')
    assert.equal(again.status, 304)
    if (path === '/') assertContract(again)
  }
  for (const path of ['../x', '%2e%2e/x', 'a%00b', '..%5cx', '.hidden', 'nothing.js']) {
    const socket = await openSocket(service.origin) // which does not tidy its paths as clients do
    socket.send(`GET /docs/static/${path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n`)
    const answer = await socket.closed
    assert.deepEqual([statusOf(answer), codeOf(answer)], [404, 'route_not_found'], path)
  }
  const internal = service.log.filter(({ code }) => code === 'internal')
  assert.deepEqual(internal, [])
})

test('routes take no parameter that they do not know', async () => {
  assertProblem(await get('/v1/models?verbose=1'), [400, 'bad_parameter'], /allowed are: none/)
  assertProblem(await get('/v1/engine?x=1'), [400, 'bad_parameter'])
})

test('metrics can have a port of their own, where nothing else is', async () => {
  const server = createMetricsServer(service.metrics)
  const origin = await server.listen({ host: '127.0.0.1', port: 0 })
  try {
    const metrics = await request(origin).get('/metrics')
    assert.match(metrics.text, /^# HELP http_request_duration_seconds/m)
    assert.equal((await request(origin).get('/v1/models')).body.code, 'route_not_found')
  } finally {
    await server.close()
  }
})
