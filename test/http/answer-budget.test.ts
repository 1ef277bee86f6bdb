// Long answers that nobody reads: they have an end, and nobody else loses an answer by them.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createAnswerBudget } from '../../src/http/answer-budget.ts'
import { picture } from '../support/pictures.ts'
import { openSocket } from '../support/raw-socket.ts'
import { type Service, startService } from '../support/service.ts'

const full = /hold all of the 100 bytes/

test('long answers fit together or are refused, a lone one and short ones always fit', () => {
  const budget = createAnswerBudget(100, 10)
  const [first, second, short] = [budget.open(), budget.open(), budget.open()]
  first.add(60)
  first.add(60) // it is alone
  assert.throws(() => second.add(11), full)
  short.add(10)
  first.release()
  first.add(1_000) // made after its client has gone
  second.add(80)
  assert.throws(() => short.add(20), full)
})

const megabyte = 1024 * 1024
let service: Service
let image: Buffer
before(async () => {
  const long = Array.from({ length: 10 }, (_, index) => `${index}`.repeat(8_000))
  service = await startService({
    models: [{ name: 'small', labels: long }],
    limits: { maxAnswerBytes: 30 * megabyte },
  })
  image = await picture(1)
})
after(() => service.close())

const examples = () =>
  JSON.stringify({ examples: Array(256).fill({ image: { b64: image.toString('base64') } }) })
const classify = '/v1/models/small:classify'
const ask = async (path: string, body: string | FormData, headers: Record<string, string> = {}) => {
  const answer = await fetch(service.origin + path, { method: 'POST', body, headers })
  return { status: answer.status, text: await answer.text() }
}

function batch(): FormData {
  const form = new FormData()
  const file = new Blob([new Uint8Array(image)])
  for (let index = 0; index < 200; index += 1) form.append('image', file, `${index}.png`)
  return form
}

test('who reads nothing of a long answer costs others no short one, and long ones are refused till he goes', {
  timeout: 60_000,
}, async () => {
  const reader = await openSocket(service.origin)
  const body = examples()
  reader.send(`POST ${classify} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`)
  reader.send(body)
  await reader.until(/HTTP\/1.1 200/)
  reader.socket.pause()

  const refused = await ask(classify, body)
  assert.equal(refused.status, 429, refused.text.slice(0, 200))
  assert.match(refused.text, /answers that are not read yet/)
  const results = await ask('/v1/classify/batch?top_k=10', batch())
  assert.deepEqual([results.status, JSON.parse(results.text).code], [429, 'overloaded'])
  const lines = await ask('/v1/classify/batch?top_k=10', batch(), {
    accept: 'application/x-ndjson',
  })
  assert.equal(JSON.parse(lines.text.trim().split('\n').at(-1) ?? '').error.code, 'overloaded')
  const one = { examples: [{ image: { b64: image.toString('base64') } }] }
  assert.equal((await ask(classify, JSON.stringify(one))).status, 200)

  reader.socket.destroy()
  let last = refused
  while (last.status === 429) last = await ask(classify, body)
  assert.equal(last.status, 200)
  assert.equal(JSON.parse(last.text).results.length, 256)
})
