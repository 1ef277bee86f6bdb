// What clients of Open Inference V2 can get wrong: always a 4xx in its own
// shape, and the service goes on serving.
import { gzipSync } from 'node:zlib'
import {
  checkAll,
  checkStillAnswers,
  errorShapes,
  type Mistake,
  serveForMistakes,
} from '../../support/mistakes.ts'
import { smallSide } from '../../support/small-repository.ts'

const { origin } = serveForMistakes()

const infer = '/v2/models/small/infer'
const values = smallSide * smallSide * 3
const shape = [1, smallSide, smallSide, 3]
const tensor = { name: 'images', datatype: 'UINT8', shape }
const oneInput =
  (input: object, rest: object = {}) =>
  () => ({ inputs: [input], ...rest })
const pixels = Array.from({ length: values }, () => 1)
const good = { ...tensor, data: pixels }

/** JSON and what follows it, with the header that tells them apart. */
function binary(json: object, tail: Uint8Array): Pick<Mistake, 'body' | 'headers'> {
  const head = Buffer.from(JSON.stringify(json))
  return {
    body: () => Buffer.concat([head, tail]),
    headers: { 'inference-header-content-length': String(head.length) },
  }
}

checkAll({ dialect: 'open inference', origin, isShape: errorShapes.error }, [
  { what: 'no body', path: infer },
  { what: 'no JSON', path: infer, body: () => '{"inputs": [' },
  { what: 'NaN in JSON', path: infer, body: () => '{"inputs": [{"data": [NaN]}]}' },
  { what: 'JSON that is no object', path: infer, body: () => '[]' },
  { what: 'no inputs', path: infer, body: () => ({}) },
  { what: 'inputs that are no list', path: infer, body: () => ({ inputs: good }) },
  { what: 'two inputs', path: infer, body: () => ({ inputs: [good, good] }) },
  { what: 'another input', path: infer, body: oneInput({ ...good, name: 'x' }) },
  { what: 'another datatype', path: infer, body: oneInput({ ...good, datatype: 'INT64' }) },
  { what: 'floats for bytes', path: infer, body: oneInput({ ...good, datatype: 'FP32' }) },
  { what: 'no shape', path: infer, body: oneInput({ ...good, shape: undefined }) },
  { what: 'another shape', path: infer, body: oneInput({ ...good, shape: [1, 8, 8, 3] }) },
  { what: 'a negative size', path: infer, body: oneInput({ ...good, shape: [-1, 32, 32, 3] }) },
  { what: 'too many images', path: infer, body: oneInput({ ...good, shape: [1e9, 32, 32, 3] }) },
  { what: 'too few values', path: infer, body: oneInput({ ...good, data: [1, 2] }) },
  { what: 'too many values', path: infer, body: oneInput({ ...good, data: [...pixels, 1] }) },
  {
    what: 'a value over 255',
    path: infer,
    body: oneInput({ ...good, data: pixels.map(() => 256) }),
  },
  { what: 'a value that is a text', path: infer, body: oneInput({ ...good, data: ['a'] }) },
  {
    what: 'lists in lists without end',
    path: infer,
    body: () =>
      `{"inputs":[{"name":"images","datatype":"UINT8","shape":[1,32,32,3],"data":${'['.repeat(50_000)}${']'.repeat(50_000)}}]}`,
  },
  { what: 'another output', path: infer, body: oneInput(good, { outputs: [{ name: 'x' }] }) },
  {
    what: 'a negative number of classes',
    path: infer,
    body: oneInput(good, {
      outputs: [{ name: 'probabilities', parameters: { classification: -1 } }],
    }),
  },
  {
    what: 'a timeout that is a text',
    path: infer,
    body: oneInput(good, { parameters: { timeout: '1' } }),
  },
  { what: 'an id that is a number', path: infer, body: oneInput(good, { id: 42 }) },
  {
    what: 'shared memory',
    path: infer,
    body: oneInput({ ...tensor, parameters: { shared_memory_region: 'a' } }),
  },
  {
    what: 'a header length beyond the body',
    path: infer,
    body: oneInput(good),
    headers: { 'inference-header-content-length': '99999999' },
  },
  {
    what: 'a header length that is no number',
    path: infer,
    body: oneInput(good),
    headers: { 'inference-header-content-length': '-1' },
  },
  {
    what: 'fewer bytes than binary_data_size says',
    path: infer,
    ...binary(
      { inputs: [{ ...tensor, parameters: { binary_data_size: values } }] },
      Buffer.alloc(9),
    ),
  },
  {
    what: 'bytes that are not the shape',
    path: infer,
    ...binary({ inputs: [{ ...tensor, parameters: { binary_data_size: 9 } }] }, Buffer.alloc(9)),
  },
  {
    what: 'an element longer than the tensor',
    path: infer,
    ...binary(
      { inputs: [{ name: 'images', datatype: 'BYTES', shape: [1] }] },
      Buffer.alloc(8, 255),
    ),
  },
  {
    what: 'an image that is none',
    path: infer,
    body: oneInput({ name: 'images', datatype: 'BYTES', shape: [1], data: ['aGVsbG8='] }),
    status: 415,
  },
  {
    what: 'a body that is no gzip',
    path: infer,
    body: () => 'plain',
    headers: { 'content-encoding': 'gzip' },
  },
  {
    what: 'half a gzip',
    path: infer,
    body: () => gzipSync('{"inputs":[]}').subarray(0, 12),
    headers: { 'content-encoding': 'gzip' },
  },
  {
    what: 'an unknown coding',
    path: infer,
    body: () => 'x',
    headers: { 'content-encoding': 'br' },
  },
  ...['constructor', '__proto__'].map((coding) => ({
    what: `a coding named ${coding}, which every object knows`,
    path: infer,
    body: () => 'x',
    headers: { 'content-encoding': coding },
  })),
  {
    what: 'a small body that unfolds into a large one',
    path: infer,
    body: () => gzipSync(Buffer.alloc(80 * 1024 * 1024)),
    headers: { 'content-encoding': 'gzip' },
    status: 413,
  },
  { what: 'an unknown model', path: '/v2/models/nope/infer', body: oneInput(good), status: 404 },
  {
    what: 'an unknown version',
    path: '/v2/models/small/versions/9/infer',
    body: oneInput(good),
    status: 404,
  },
  { what: 'the wrong method', path: infer, method: 'GET', status: 405 },
  { what: 'a path that is not there', path: '/v2/modelz', method: 'GET', status: 404 },
  { what: 'loading a model', path: '/v2/repository/models/small/load', body: () => ({}) },
])

checkStillAnswers(origin, { path: infer, body: oneInput(good) })
