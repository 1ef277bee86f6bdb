// Clients that come back at once, many times a second, when they were told to wait.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openSocket, statusOf } from '../support/raw-socket.ts'
import { type Service, startService } from '../support/service.ts'
import { until } from '../support/test-pool.ts'

/** More refusals than are sent at once, in one packet. */
const many = 600
/** Those of one second that are never paced. */
const few = 400

let service: Service
before(async () => {
  service = await startService({
    http: { rateLimitPerMinute: 1 },
    limits: { cores: 0, requestTimeoutMs: 20_000 }, // whatever refusals cost here is too much
  })
})
after(() => service.close())

const asking = (headers = '') => `GET /v1/models HTTP/1.1\r\nHost: test\r\n${headers}\r\n`
const answersIn = (text: string) => text.match(/HTTP\/1\.1 429 /g)?.length ?? 0

test('who hammers on waits for its refusals, and nobody else does', {
  timeout: 60_000,
}, async () => {
  const first = await openSocket(service.origin)
  first.send(asking())
  await first.until(/resnet|small/)

  const hammer = await openSocket(service.origin)
  hammer.send(asking().repeat(many))
  await until(() => answersIn(hammer.text()) >= few)

  const other = await openSocket(service.origin)
  other.send(asking())
  await other.until(/rate_limited/)
  assert.equal(statusOf(other.text()), 429)

  const proxy = await openSocket(service.origin)
  proxy.send(asking('X-Forwarded-For: 192.0.2.1\r\n').repeat(many))
  await until(() => answersIn(proxy.text()) === many)

  assert.ok(answersIn(hammer.text()) < many, 'it has all its refusals before anybody else')
  for (const { socket } of [first, hammer, other, proxy]) socket.destroy()
  const waiting = () => service.log.filter(({ status }) => status === 499).length
  await until(() => waiting() > 0)
})
