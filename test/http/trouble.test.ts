// What the service itself can run into: load, time, sessions that fail. Each has exactly its status
// and code, and the service goes on serving.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import request from 'supertest'
import { faultyPicture, picture } from '../support/pictures.ts'
import { assertProblem } from '../support/problems.ts'
import { type Service, startService } from '../support/service.ts'
import { writeSmallModels } from '../support/small-repository.ts'
import { until } from '../support/test-pool.ts'

const path = '/v1/classify'

describe('with one session and little room', () => {
  let service: Service
  let image: Buffer

  before(async () => {
    service = await startService({
      batching: { maxBatchSize: 1, maxQueueSize: 1 },
      pool: { restart: { minMs: 1, maxAfterRunsMs: 1 } },
    })
    image = await picture(1)
  })
  after(() => service.close())

  const post = (body: Buffer) => request(service.origin).post(path).send(body)
  const queued = () => service.classifier.models()[0]?.queueDepth ?? 0
  const busy = () => service.classifier.models()[0]?.sessions.busy ?? 0

  afterEach(async () => {
    await until(() => service.classifier.ready())
    const { status, text } = await post(image)
    assert.equal(status, 200, text)
  })

  test('overloaded: the queue is full, and Retry-After says for how long', async () => {
    const slow = [post(await faultyPicture('slow')).then((response) => response)]
    await until(() => busy() === 1)
    slow.push(post(await faultyPicture('slow', 2)).then((response) => response))
    await until(() => queued() === 1)
    const refused = await post(image)
    assertProblem(refused, [429, 'overloaded'], /1 images waiting|would take/)
    assert.match(refused.headers['retry-after'] ?? '', /^[1-9]\d*$/)
    for (const { status } of await Promise.all(slow)) assert.equal(status, 200)
  })

  test('overloaded: an answer could not come within the time that the client allows', async () => {
    const slow = post(await faultyPicture('slow')).then((response) => response)
    await until(() => busy() === 1)
    const refused = await post(image).set('x-request-timeout-ms', '5')
    assert.ok([429, 504].includes(refused.status), refused.text)
    await slow
  })

  test('deadline_exceeded: the answer was not there in the time that the client allows', async () => {
    const late = await post(await faultyPicture('slow')).set('x-request-timeout-ms', '100')
    assertProblem(late, [504, 'deadline_exceeded'], /within 100 ms/)
  })

  test('image_refused: an image ended two sessions, which are replaced', async () => {
    const refused = await post(await faultyPicture('segv'))
    assertProblem(refused, [422, 'image_refused'], /repeatedly ended the session/)
    const deaths = service.log.filter(({ msg }) => /a session ended/.test(String(msg)))
    assert.equal(deaths.length, 2)
  })

  test('session_failed: the engine could not run an image', async () => {
    const failed = await post(await faultyPicture('throw'))
    assertProblem(failed, [503, 'session_failed'], /failed; try again/)
    assert.equal(failed.headers['retry-after'], '1')
    assert.doesNotMatch(failed.text, /does not like/, 'the inner text stays inside')
    const line = service.log.find(({ code }) => code === 'session_failed')
    assert.match(JSON.stringify(line), /does not like this image/)
  })

  test('draining: nothing new is accepted, connections are not kept, and readiness says so', async () => {
    service.turn('leaving')
    const ready = await request(service.origin).get('/health/ready')
    assertProblem(ready, [503, 'draining'])
    assert.equal(ready.headers.connection, 'close')
    assert.equal((await post(image)).status, 200, 'what still comes is answered')
    service.turn('closing')
    const refused = await post(image)
    assertProblem(refused, [503, 'draining'], /shutting down/)
    assert.equal(refused.headers['retry-after'], '5')
    service.turn('serving')
  })
})

test('not_ready: no model is there yet, and it answers as soon as one is', async () => {
  const service = await startService({ models: [] })
  try {
    const post = async () =>
      request(service.origin)
        .post(path)
        .send(await picture(1))
    assertProblem(await post(), [503, 'not_ready'], /no model is ready/)
    assertProblem(await request(service.origin).get('/health/ready'), [503, 'not_ready'])
    assert.equal((await request(service.origin).get('/health/live')).status, 200)
    await writeSmallModels(service.folder, [{ name: 'small' }])
    await service.reload()
    assert.equal((await post()).status, 200)
    assert.equal((await request(service.origin).get('/health/ready')).status, 200)
  } finally {
    await service.close()
  }
})
