// Who may ask, how often, and from which pages.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import request from 'supertest'
import { assertContract } from '../support/contract-check.ts'
import { picture } from '../support/pictures.ts'
import { assertProblem } from '../support/problems.ts'
import { type Service, startService } from '../support/service.ts'

/** A header's text whose bytes on the wire are UTF-8. */
const utf8 = (text: string) => Buffer.from(text).toString('latin1')

describe('with API keys and an allowed origin', () => {
  let service: Service
  before(async () => {
    service = await startService({
      http: { apiKeys: ['first-key', 'second-key'], corsOrigins: ['https://app.example'] },
    })
  })
  after(() => service.close())
  const client = () => request(service.origin)

  test('every route but health wants a key', async () => {
    for (const path of ['/v1/models', '/v1/engine', '/metrics', '/openapi.yaml', '/docs', '/']) {
      const response = await client().get(path)
      assertProblem(response, [401, 'unauthorized'], /brings no key; send "Authorization: Bearer/)
      assert.equal(response.headers['www-authenticate'], 'Bearer')
    }
    for (const path of ['/health/live', '/health/ready']) {
      assert.equal((await client().get(path)).status, 200)
    }
  })

  test('a browser opens /docs without a key, and whatever that loads; programs do not', async () => {
    const html = await client().get('/docs').set('accept', 'text/html,*/*;q=0.8')
    assert.equal(html.status, 200)
    assert.match(html.text, /swagger/i)
    for (const path of ['/docs/json', '/docs/static/swagger-ui.css', '/page/main.js']) {
      assert.equal((await client().get(path)).status, 200, path)
    }
    for (const path of ['/v1/models', '/metrics', '/openapi.yaml']) {
      const response = await client().get(path).set('accept', 'text/html')
      assertProblem(response, [401, 'unauthorized'])
    }
  })

  test('any of the keys opens, nothing else does', async () => {
    const ask = (authorization: string) =>
      client().get('/v1/models').set('authorization', authorization)
    assert.equal((await ask('Bearer first-key')).status, 200)
    assert.equal((await ask('bearer second-key')).status, 200)
    for (const wrong of [
      'Bearer third',
      'Bearer first-key2',
      'Basic first-key',
      'first-key',
      'Bearer ',
    ]) {
      assertProblem(await ask(wrong), [401, 'unauthorized'], /a key that is unknown/)
    }
  })

  test('a key may have letters of any language, in whichever way they are sent, and spaces', async () => {
    const keyed = await startService({ http: { apiKeys: ['schlüssel', '鍵', 'pass phrase'] } })
    try {
      for (const sent of [...['schlüssel', '鍵', 'pass phrase'].map(utf8), 'schlüssel']) {
        const { origin } = keyed
        const answer = await fetch(`${origin}/v1/models`, {
          headers: { authorization: `Bearer ${sent}` },
        })
        assert.equal(answer.status, 200, sent)
      }
    } finally {
      await keyed.close()
    }
  })

  test('a request without a key is refused before its body is read or its path is looked at', async () => {
    const body = await picture(1)
    assertProblem(await client().post('/v1/classify').send(body), [401, 'unauthorized'])
    assertProblem(await client().get('/no/such/thing'), [401, 'unauthorized'])
  })

  test('keys stand in no log line', async () => {
    await client().get('/v1/models').set('authorization', 'Bearer first-key')
    await client().get('/v1/models').set('authorization', 'Bearer guessed-key')
    assert.doesNotMatch(JSON.stringify(service.log), /first-key|guessed-key/)
  })

  test('pages of an allowed origin may call, ask first, and read our headers', async () => {
    const preflight = await client()
      .options('/v1/classify')
      .set('origin', 'https://app.example')
      .set('access-control-request-method', 'POST')
      .set('access-control-request-headers', 'authorization,content-type')
    assert.equal(preflight.status, 204)
    assert.equal(preflight.headers['access-control-allow-origin'], 'https://app.example')
    assert.match(preflight.headers['access-control-allow-headers'] ?? '', /authorization/i)
    assert.match(preflight.headers['access-control-allow-headers'] ?? '', /Inference-Header/)
    const response = await client()
      .get('/v1/models')
      .set('origin', 'https://app.example')
      .set('authorization', 'Bearer first-key')
    assert.equal(response.headers['access-control-allow-origin'], 'https://app.example')
    assert.match(response.headers['access-control-expose-headers'] ?? '', /ETag.*X-Request-Id/)
  })

  test('caches are told that answers differ by origin, beside what else they differ by', async () => {
    const fromPage = (path: string) =>
      client().post(path).set({ authorization: 'Bearer first-key', origin: 'https://app.example' })
    const image = await picture(1)
    const classified = await fromPage('/v1/classify').send(image)
    assert.equal(classified.headers.vary, 'Origin, accept')
    const again = fromPage('/v1/classify').set('if-none-match', classified.headers.etag ?? '')
    const { status, headers } = await again.send(image)
    assert.deepEqual([status, headers.vary], [304, 'Origin, accept'])
    const inferred = await fromPage('/v2/models/small/infer')
      .set('inference-header-content-length', '0')
      .send(image)
    assert.equal(inferred.status, 200, inferred.text)
    assert.equal(inferred.headers.vary, 'Origin, accept-encoding')
    const exposed = inferred.headers['access-control-expose-headers'] ?? ''
    assert.match(exposed, /Inference-Header-Content-Length/)
  })

  test('pages of other origins get no permission', async () => {
    const response = await client().get('/health/live').set('origin', 'https://evil.example')
    assert.equal(response.headers['access-control-allow-origin'], undefined)
  })
})

describe('with a rate limit', () => {
  let service: Service
  before(async () => {
    service = await startService({
      http: { rateLimitPerMinute: 3, apiKeys: ['a-key', 'b-key'], trustProxy: ['127.0.0.1'] },
    })
  })
  after(() => service.close())
  const ask = (key: string, address = '10.0.0.1') =>
    request(service.origin)
      .get('/v1/models')
      .set('authorization', `Bearer ${key}`)
      .set('x-forwarded-for', address)

  test('rate_limited: one key more often than allowed, while others go on', async () => {
    for (let count = 1; count <= 3; count++) assert.equal((await ask('a-key')).status, 200)
    const refused = await ask('a-key')
    assertProblem(refused, [429, 'rate_limited'], /more than 3 requests in a minute/)
    const seconds = Number(refused.headers['retry-after'])
    assert.ok(seconds >= 1 && seconds <= 60, String(seconds))
    assert.equal((await ask('b-key')).status, 200)
  })

  test('guesses of keys count by address, and health is never limited', async () => {
    for (let count = 1; count <= 3; count++) {
      assertProblem(await ask(`guess-${count}`, '10.0.0.2'), [401, 'unauthorized'])
    }
    assertProblem(await ask('guess-4', '10.0.0.2'), [429, 'rate_limited'])
    assertProblem(await ask('guess-5', '10.0.0.3'), [401, 'unauthorized'])
    for (let count = 1; count <= 5; count++) {
      assert.equal((await request(service.origin).get('/health/ready')).status, 200)
    }
  })
})

describe('behind a proxy that nobody said to trust', () => {
  let service: Service
  before(async () => {
    service = await startService({ http: { rateLimitPerMinute: 2, trustProxy: ['10.9.8.7'] } })
  })
  after(() => service.close())

  test('X-Forwarded-For changes nobody into somebody else', async () => {
    const ask = (address: string) =>
      request(service.origin).get('/v1/models').set('x-forwarded-for', address)
    assert.equal((await ask('10.0.0.1')).status, 200)
    assert.equal((await ask('10.0.0.2')).status, 200)
    assertProblem(await ask('10.0.0.3'), [429, 'rate_limited'])
  })
})

describe('without any of it', () => {
  let service: Service
  before(async () => {
    service = await startService()
  })
  after(() => service.close())
  const get = (path: string) => request(service.origin).get(path)

  test('every answer, errors too, says what browsers may do with it', async () => {
    for (const path of ['/v1/models', '/', '/nowhere', '/health/live', '/v1/models/%zz/labels']) {
      const { headers } = await get(path)
      assert.equal(headers['x-content-type-options'], 'nosniff', path)
      assert.match(headers['x-request-id'] ?? '', /./, path)
      assert.equal(headers['strict-transport-security'], undefined)
      assert.equal(headers['access-control-allow-origin'], undefined)
    }
    const { headers } = await get('/')
    assert.match(headers['content-security-policy'] ?? '', /default-src 'self'.*object-src 'none'/)
    assert.equal(headers['x-powered-by'], undefined)
    assert.equal(headers.server, undefined)
  })

  test('a browser that asks first is allowed nothing', async () => {
    const { headers } = await request(service.origin)
      .options('/v1/classify')
      .set('origin', 'https://app.example')
      .set('access-control-request-method', 'POST')
    for (const name of Object.keys(headers)) assert.doesNotMatch(name, /^access-control-allow/)
  })

  test('no limit of rates is applied', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => get('/health/live')))
    assert.ok(answers.every(({ status }) => status === 200))
    assertContract(answers[0] as request.Response)
  })
})
