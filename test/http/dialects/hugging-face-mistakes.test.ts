// What clients of Hugging Face can get wrong: always a 4xx in its own
// shape, and the service goes on serving.
import {
  checkAll,
  checkStillAnswers,
  errorShapes,
  maxImageBytes,
  serveForMistakes,
} from '../../support/mistakes.ts'
import { pngOfSize } from '../../support/pictures.ts'

const { origin, image } = serveForMistakes()

const base64 = () => image().toString('base64')
const cut = () => image().subarray(0, image().length / 2)
const hf = '/models/small'
const json = { 'content-type': 'application/json' }

checkAll({ dialect: 'hugging face', origin, isShape: errorShapes.error }, [
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
  { what: 'half a class', path: `${hf}?top_k=1.5`, body: image },
  { what: 'a number of classes that is a text', path: `${hf}?top_k=many`, body: image },
  {
    what: 'another function',
    path: hf,
    body: () => ({ inputs: base64(), parameters: { function_to_apply: 'tanh' } }),
  },
  { what: 'an unknown model', path: '/models/nope', body: image, status: 404 },
  { what: 'the wrong method', path: hf, method: 'GET', status: 405 },
])

checkStillAnswers(origin, { path: hf, body: image })
