// What clients of TensorFlow Serving can get wrong: always a 4xx in its own
// shape, and the service goes on serving.
import {
  checkAll,
  checkStillAnswers,
  errorShapes,
  serveForMistakes,
} from '../../support/mistakes.ts'
import { smallSide } from '../../support/small-repository.ts'

const { origin, image } = serveForMistakes()

const base64 = () => image().toString('base64')
const cut = () => image().subarray(0, image().length / 2)
const predict = '/v1/models/small:predict'
const rows = Array.from({ length: smallSide }, () =>
  Array.from({ length: smallSide }, () => [1, 2, 3]),
)

checkAll({ dialect: 'tensorflow serving', origin, isShape: errorShapes.error }, [
  { what: 'no body', path: predict },
  ...[predict, '/v1/models/small/versions/1:classify', '/v1/models/small:bogus'].map((path) => ({
    ...{ what: `GET ${path}`, path, method: 'GET' },
  })),
  { what: 'no JSON', path: predict, body: () => '{"instances": ' },
  { what: 'NaN in JSON', path: predict, body: () => '{"instances": [[NaN]]}' },
  { what: 'JSON that is no object', path: predict, body: () => '"x"' },
  { what: 'neither instances nor inputs', path: predict, body: () => ({}) },
  { what: 'both of them', path: predict, body: () => ({ instances: [rows], inputs: [rows] }) },
  { what: 'instances that are no list', path: predict, body: () => ({ instances: 7 }) },
  { what: 'no instance', path: predict, body: () => ({ instances: [] }) },
  { what: 'too many instances', path: predict, body: () => ({ instances: Array(300).fill(1) }) },
  {
    what: 'an instance of another size',
    path: predict,
    body: () => ({ instances: [[[[1, 2, 3]]]] }),
  },
  {
    what: 'an instance without its lists',
    path: predict,
    body: () => ({ instances: [rows.flat(2)] }),
  },
  {
    what: 'a fraction for a pixel',
    path: predict,
    body: () => ({ instances: [rows.map((row) => row.map(() => [0.5, 1, 2]))] }),
  },
  {
    what: 'a text for a number',
    path: predict,
    body: () => ({ instances: [rows.map((row) => row.map(() => ['1', 1, 2]))] }),
  },
  { what: 'another input', path: predict, body: () => ({ instances: [{ x: rows }] }) },
  { what: 'columns of another input', path: predict, body: () => ({ inputs: { x: [rows] } }) },
  {
    what: 'another signature',
    path: predict,
    body: () => ({ signature_name: 'x', instances: [rows] }),
  },
  { what: 'no base64', path: predict, body: () => ({ instances: [{ b64: '%%%' }] }) },
  {
    what: 'base64 of no image',
    path: predict,
    body: () => ({ instances: [{ b64: 'aGVsbG8=' }] }),
    status: 415,
  },
  {
    what: 'half an image',
    path: predict,
    body: () => ({ instances: [{ b64: cut().toString('base64') }] }),
    status: 422,
  },
  {
    what: 'images and tensors together',
    path: predict,
    body: () => ({ instances: [{ b64: base64() }, rows] }),
  },
  {
    what: 'examples that are no list',
    path: '/v1/models/small:classify',
    body: () => ({ examples: 1 }),
  },
  {
    what: 'an example without an image',
    path: '/v1/models/small:classify',
    body: () => ({ examples: [{ x: 1 }] }),
  },
  { what: 'regression', path: '/v1/models/small:regress', body: () => ({ examples: [] }) },
  { what: 'an unknown verb', path: '/v1/models/small:train', body: () => ({}) },
  { what: 'no verb', path: '/v1/models/small', body: () => ({}) },
  {
    what: 'an unknown model',
    path: '/v1/models/nope:predict',
    body: () => ({ instances: [rows] }),
    status: 404,
  },
  {
    what: 'an unknown version',
    path: '/v1/models/small/versions/9:predict',
    body: () => ({ instances: [rows] }),
    status: 404,
  },
  {
    what: 'a version that is no number',
    path: '/v1/models/small/versions/one:predict',
    body: () => ({ instances: [rows] }),
  },
  {
    what: 'an unknown label',
    path: '/v1/models/small/labels/nope:predict',
    body: () => ({ instances: [rows] }),
    status: 404,
  },
  { what: 'the state of an unknown model', path: '/v1/models/nope', method: 'GET', status: 404 },
  {
    what: 'the signature of an unknown model',
    path: '/v1/models/nope/metadata',
    method: 'GET',
    status: 404,
  },
  { what: 'the wrong method', path: '/v1/models/small', method: 'DELETE', status: 405 },
])

checkStillAnswers(origin, { path: predict, body: () => ({ instances: [rows] }) })
