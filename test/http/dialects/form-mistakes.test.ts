// What clients of TorchServe and DeepStack can get wrong: always a 4xx in its own
// shape, and the service goes on serving.
import {
  checkAll,
  checkStillAnswers,
  errorShapes,
  type Mistake,
  maxImageBytes,
  serveForMistakes,
} from '../../support/mistakes.ts'
import { pngOfSize } from '../../support/pictures.ts'

const { origin, image } = serveForMistakes()

const json = { 'content-type': 'application/json' }
const cut = () => image().subarray(0, image().length / 2)
const form = { 'content-type': 'multipart/form-data; boundary=b' }
const field = (name: string, content: string, file = '; filename="a"') =>
  `--b\r\ncontent-disposition: form-data; name="${name}"${file}\r\n\r\n${content}\r\n--b--\r\n`

/** What can be wrong with a form or a raw image, whoever reads it. */
function imageMistakes(path: string): Mistake[] {
  return [
    { what: 'no body', path },
    { what: 'a body that is no image', path, body: () => 'hello', status: 415 },
    { what: 'half an image', path, body: cut, status: 422 },
    { what: 'too many bytes', path, body: () => Buffer.alloc(maxImageBytes + 70_000), status: 413 },
    { what: 'too many pixels', path, body: () => pngOfSize(5000, 5000), status: 413 },
    { what: 'an SVG', path, body: () => '<svg xmlns="http://www.w3.org/2000/svg"/>', status: 415 },
    {
      what: 'a form without a boundary',
      path,
      body: () => 'x',
      headers: { 'content-type': 'multipart/form-data' },
    },
    {
      what: 'a form that ends early',
      path,
      body: () => '--b\r\ncontent-disposition',
      headers: form,
    },
    { what: 'an empty form', path, body: () => '--b--\r\n', headers: form },
    { what: 'a form without a file', path, body: () => field('x', 'y', ''), headers: form },
    { what: 'an empty file', path, body: () => field('image', ''), headers: form },
    {
      what: 'a file that is no image',
      path,
      body: () => field('image', 'hello'),
      headers: form,
      status: 415,
    },
    { what: 'no JSON', path, body: () => '{"image": ', headers: json },
    { what: 'JSON without an image', path, body: () => ({}) },
    {
      what: 'a deadline that is no number',
      path,
      body: image,
      headers: { 'x-request-timeout-ms': 'soon' },
    },
    { what: 'the wrong method', path, method: 'DELETE', status: 405 },
  ]
}

checkAll({ dialect: 'torchserve', origin, isShape: errorShapes.torchserve }, [
  ...imageMistakes('/predictions/small'),
  { what: 'an unknown model', path: '/predictions/nope', body: image, status: 404 },
  { what: 'an unknown version', path: '/predictions/small/9', body: image, status: 404 },
  { what: 'a path that is not there', path: '/predictions', body: image, status: 404 },
])

checkAll({ dialect: 'deepstack', origin, isShape: errorShapes.deepstack }, [
  ...imageMistakes('/v1/vision/scene'),
  { what: 'another task', path: '/v1/vision/face', body: image, status: 404 },
])

checkStillAnswers(origin, { path: '/predictions/small', body: image })
