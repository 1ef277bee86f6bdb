// The typed client against the real service: answers, refusals, and every operation underneath.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type ClassifierClient, createClient, ServiceRefusal } from '../../client/src/client.ts'
import { picture } from '../support/pictures.ts'
import { type Service, startService } from '../support/service.ts'
import { smallLabels } from '../support/small-repository.ts'

let service: Service
let client: ClassifierClient

before(async () => {
  service = await startService({ http: { apiKeys: ['secret', 'ключ'] } })
  client = createClient({ baseUrl: service.origin, apiKey: 'secret' })
})
after(() => service.close())

test('an image is classified, whatever the caller holds it in', async () => {
  const image = new Uint8Array(await picture(1))
  const answers = await Promise.all(
    [image, image.buffer as ArrayBuffer, new Blob([image])].map((source) =>
      client.classify(source, { model: 'small', topK: 3, timeoutMs: 20_000 }),
    ),
  )
  for (const answer of answers) {
    assert.equal(answer.predictions.length, 3)
    assert.deepEqual(answer, answers[0])
  }
})

test('models and labels', async () => {
  assert.deepEqual(
    (await client.models()).map(({ model }) => model),
    ['small'],
  )
  assert.deepEqual(
    (await client.labels('small')).map(({ label }) => label),
    smallLabels,
  )
})

test('a key may be in any script', async () => {
  const models = await createClient({ baseUrl: service.origin, apiKey: 'ключ' }).models()
  assert.equal(models.length, 1)
})

test('a refusal is an error with the status, the code and the request id', async () => {
  const refusal = (work: Promise<unknown>) =>
    work.then(
      () => assert.fail('nothing was refused'),
      (error: unknown) => error as ServiceRefusal,
    )
  const broken = await refusal(client.classify(new Uint8Array([1, 2, 3])))
  assert.ok(broken instanceof ServiceRefusal)
  assert.deepEqual([broken.status, broken.code], [415, 'unsupported_image_format'])
  assert.match(broken.requestId ?? '', /./)
  const stranger = createClient({ baseUrl: service.origin })
  assert.equal((await refusal(stranger.models())).code, 'unauthorized')
})

test('every operation of the contract is there, typed', async () => {
  const { data } = await client.api.GET('/health/live')
  assert.deepEqual(data, { status: 'live' })
})
