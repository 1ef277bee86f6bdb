// What the service refuses whoever asks: without a key, too often, too much at once, while it shuts
// down. Each dialect tells it in its own shape, with the status and headers of the native API.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { errorShapes, type Mistake, send } from '../../support/mistakes.ts'
import { faultyPicture, picture } from '../../support/pictures.ts'
import { type Service, type ServiceOptions, startService } from '../../support/service.ts'
import { until } from '../../support/test-pool.ts'

let image: Buffer
before(async () => {
  image = await picture(1)
})

type Call = Pick<Mistake, 'path' | 'body' | 'headers'>
const base64 = () => image.toString('base64')
const raw = { 'inference-header-content-length': '0' }

/** A right request of each dialect. */
const calls: Readonly<Record<string, Call & { readonly shape: keyof typeof errorShapes }>> = {
  'open inference': {
    path: '/v2/models/small/infer',
    body: () => image,
    headers: raw,
    shape: 'error',
  },
  'tensorflow serving': {
    path: '/v1/models/small:predict',
    body: () => ({ instances: [{ b64: base64() }] }),
    shape: 'error',
  },
  'hugging face': { path: '/models/small', body: () => image, shape: 'error' },
  'a hugging face endpoint': { path: '/', body: () => ({ inputs: base64() }), shape: 'error' },
  torchserve: { path: '/predictions/small', body: () => image, shape: 'torchserve' },
  deepstack: { path: '/v1/vision/scene', body: () => image, shape: 'deepstack' },
}

interface Refusal {
  readonly status: number
  readonly words: RegExp
  readonly headers?: Readonly<Record<string, string>>
  readonly retryAfter?: boolean
}

/** All of them are refused in this way. */
async function assertRefused(
  { origin }: Service,
  { status, words, headers, retryAfter = false }: Refusal,
): Promise<void> {
  const asked = Object.entries(calls).map(async ([dialect, { shape, ...call }]) => {
    const answer = await send(origin, { ...call, headers: { ...call.headers, ...headers } })
    const text = await answer.text()
    assert.equal(answer.status, status, `${dialect}: ${text}`)
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/, dialect)
    assert.ok(errorShapes[shape](JSON.parse(text)), `${dialect}: ${text}`)
    assert.match(text, words, dialect)
    assert.equal(/^[1-9]\d*$/.test(answer.headers.get('retry-after') ?? ''), retryAfter, dialect)
    assert.match(answer.headers.get('x-request-id') ?? '', /./, dialect)
  })
  await Promise.all(asked)
}

async function assertAnswered({ origin }: Service, headers: Mistake['headers'] = {}) {
  for (const [dialect, call] of Object.entries(calls)) {
    const answer = await send(origin, { ...call, headers: { ...call.headers, ...headers } })
    assert.equal(answer.status, 200, `${dialect}: ${await answer.text()}`)
  }
}

function serve(options: ServiceOptions): () => Service {
  let service: Service
  before(async () => {
    service = await startService(options)
  })
  after(() => service.close())
  return () => service
}

describe('with API keys', () => {
  const service = serve({ http: { apiKeys: ['right'] } })

  test('no key is 401, another key too; the right one is answered', async () => {
    await assertRefused(service(), { status: 401, words: /brings no key/ })
    const wrong = { authorization: 'Bearer wrong' }
    const words = /a key that is unknown/
    await assertRefused(service(), { status: 401, words, headers: wrong })
    await assertAnswered(service(), { authorization: 'Bearer right' })
  })

  test('401 says by which scheme', async () => {
    const answer = await send(service().origin, calls.torchserve as Call)
    assert.equal(answer.headers.get('www-authenticate'), 'Bearer')
    const { type } = (await answer.json()) as { type: string }
    assert.equal(type, 'InvalidKeyException')
  })

  test('what only tells of models wants a key too, and probes want none', async () => {
    for (const path of [
      '/v2',
      '/v2/models/small',
      '/v1/models/small',
      '/v1/models/small/metadata',
    ]) {
      const answer = await send(service().origin, { path, method: 'GET' })
      assert.equal(answer.status, 401, path)
      assert.ok(errorShapes.error((await answer.json()) as Record<string, unknown>), path)
    }
    for (const path of ['/v2/health/live', '/v2/health/ready', '/ping']) {
      assert.equal((await send(service().origin, { path, method: 'GET' })).status, 200, path)
    }
  })
})

describe('deepstack, whose clients put the key into the form', () => {
  const service = serve({ http: { apiKeys: ['right'] } })

  async function ask(parts: readonly (readonly [string, string | Blob])[], headers = {}) {
    const form = new FormData()
    for (const [name, value] of parts) form.append(name, value)
    const url = `${service().origin}/v1/vision/scene`
    const answer = await fetch(url, { method: 'POST', body: form, headers })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }
  const file = () => ['image', new Blob([new Uint8Array(image)])] as const

  test('the right key before the image is answered', async () => {
    assert.equal((await ask([['api_key', 'right'], file()])).body.success, true)
  })

  test('a wrong one, none, one behind the image and one beside a wrong header are not', async () => {
    const refused = [
      await ask([['api_key', 'wrong'], file()]),
      await ask([['api_key', ''], file()]),
      await ask([file()]),
      await ask([]),
      await ask([file(), ['api_key', 'right']]),
      await ask([['api_key', 'right'], file()], { authorization: 'Bearer wrong' }),
    ]
    for (const { status, body } of refused) {
      assert.equal(status, 401, JSON.stringify(body))
      assert.ok(errorShapes.deepstack(body), JSON.stringify(body))
    }
    assert.match(String(refused[4]?.body.error), /a field api_key before the image/)
  })

  test('no other route takes a key from a form', async () => {
    const form = new FormData()
    form.append('api_key', 'right')
    form.append('image', file()[1])
    for (const path of ['/v1/classify', '/predictions/small', '/models/small']) {
      const answer = await fetch(`${service().origin}${path}`, { method: 'POST', body: form })
      assert.equal(answer.status, 401, path)
    }
  })

  test('keys of forms stand in no log line', async () => {
    await ask([['api_key', 'guessed-in-a-form'], file()])
    assert.doesNotMatch(JSON.stringify(service().log), /guessed-in-a-form/)
  })
})

describe('with a rate limit', () => {
  const count = Object.keys(calls).length
  const service = serve({ http: { rateLimitPerMinute: count } })

  test('one request too many in a minute is 429 with the seconds to wait', async () => {
    await assertAnswered(service())
    await assertRefused(service(), { status: 429, words: /in a minute/, retryAfter: true })
  })
})

describe('with one session and little room', () => {
  const service = serve({ batching: { maxBatchSize: 1, maxQueueSize: 1 } })

  test('a full queue is 429 with the seconds to wait, and then all are answered', async () => {
    const classify = async (seed: number) => {
      const body = await faultyPicture('slow', seed)
      return await send(service().origin, { path: '/v1/classify', body: () => body })
    }
    const state = () => service().classifier.models()[0]
    const running = [classify(1)]
    await until(() => state()?.sessions.busy === 1)
    running.push(classify(2))
    await until(() => state()?.queueDepth === 1)
    const words = /waiting, which is all it holds|would take/
    await assertRefused(service(), { status: 429, words, retryAfter: true })
    for (const { status } of await Promise.all(running)) assert.equal(status, 200)
    await assertAnswered(service())
  })
})

describe('that shuts down', () => {
  const service = serve({})

  test('nothing new is accepted: 503, in probes too', async () => {
    service().turn('closing')
    await assertRefused(service(), { status: 503, words: /shutting down/, retryAfter: true })
    for (const path of ['/v2/health/ready', '/ping', '/health/ready']) {
      assert.equal((await send(service().origin, { path, method: 'GET' })).status, 503, path)
    }
    service().turn('serving')
    await assertAnswered(service())
  })
})
