// What clients of Hugging Face can get wrong: always a 4xx in its own
// shape, and the service goes on serving.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { checkAll, hasError, send } from '../../support/mistakes.ts'
import { picture, pngOfSize } from '../../support/pictures.ts'
import { type Service, startService } from '../../support/service.ts'

const maxImageBytes = 200_000
let service: Service
let image: Buffer
const origin = () => service.origin

before(async () => {
  service = await startService({ limits: { maxImageBytes }, imaging: { maxPixels: 250_000 } })
  image = await picture(1)
})
after(() => service.close())

const base64 = () => image.toString('base64')
const cut = () => image.subarray(0, image.length / 2)
const hf = '/models/small'
const json = { 'content-type': 'application/json' }

checkAll({ dialect: 'hugging face', origin, isShape: hasError }, [
  { what: 'no body', path: hf },
  { what: 'no body at an endpoint', path: '/' },
  { what: 'no JSON', path: hf, body: () => '{"inputs": ', headers: json },
  { what: 'a list', path: hf, body: () => [] },
  { what: 'no inputs', path: hf, body: () => ({}) },
  { what: 'inputs that are a number', path: hf, body: () => ({ inputs: 1 }) },
  {
    what: 'an address for an image',
    path: hf,
    body: () => ({ inputs: 'https://example.org/a.jpg' }),
  },
  { what: 'no base64', path: hf, body: () => ({ inputs: '%%%' }) },
  { what: 'base64 of no image', path: hf, body: () => ({ inputs: 'aGVsbG8=' }), status: 415 },
  { what: 'half an image', path: hf, body: cut, status: 422 },
  { what: 'a body that is no image', path: hf, body: () => 'hello', status: 415 },
  { what: 'too many bytes', path: hf, body: () => Buffer.alloc(maxImageBytes * 2), status: 413 },
  { what: 'too many pixels', path: hf, body: () => pngOfSize(5000, 5000), status: 413 },
  {
    what: 'parameters that are a list',
    path: hf,
    body: () => ({ inputs: base64(), parameters: [] }),
  },
  { what: 'no class', path: hf, body: () => ({ inputs: base64(), parameters: { top_k: 0 } }) },
  { what: 'half a class', path: `${hf}?top_k=1.5`, body: () => image },
  { what: 'a number of classes that is a text', path: `${hf}?top_k=many`, body: () => image },
  {
    what: 'another function',
    path: hf,
    body: () => ({ inputs: base64(), parameters: { function_to_apply: 'tanh' } }),
  },
  {
    what: 'sigmoid of probabilities',
    path: hf,
    body: () => ({ inputs: base64(), parameters: { function_to_apply: 'sigmoid' } }),
  },
  { what: 'an unknown model', path: '/models/nope', body: () => image, status: 404 },
  { what: 'the wrong method', path: hf, method: 'GET', status: 405 },
])

test('after all of these, it still answers', async () => {
  const answer = await send(origin(), { path: hf, body: () => image })
  assert.equal(answer.status, 200, await answer.text())
})
