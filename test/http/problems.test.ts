// Everything a client can do wrong with one request: each mistake has exactly its status and code,
// and the service goes on serving.
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import request from 'supertest'
import { noisePicture, picture, pngOfSize } from '../support/pictures.ts'
import { assertProblem } from '../support/problems.ts'
import { type Service, startService } from '../support/service.ts'

const maxImageBytes = 200_000
const path = '/v1/classify'

let service: Service
let image: Buffer

before(async () => {
  service = await startService({ limits: { maxImageBytes }, imaging: { maxPixels: 250_000 } })
  image = await picture(1)
})
after(() => service.close())

afterEach(async () => {
  const { status, text } = await post(image)
  assert.equal(status, 200, text)
})

const client = () => request(service.origin)
const post = (body: string | object | undefined, query = '') =>
  client().post(`${path}${query}`).send(body)

test('bad_request: a body that says JSON and is none', async () => {
  const json = client().post(path).set('content-type', 'application/json')
  assertProblem(await json.send('{"image": '), [400, 'bad_request'], /not well-formed JSON/)
})

test('bad_request: JSON that is no object, or whose image is no text', async () => {
  for (const body of ['[]', '"photo"', '42', 'null', '{"image": 42}', '{"image": ["a"]}']) {
    const json = client().post(path).set('content-type', 'application/json')
    assertProblem(await json.send(body), [400, 'bad_request'], /expected/)
  }
})

test('bad_request: an image in JSON that is no base64', async () => {
  for (const text of ['%%%', 'https://example.org/cat.jpg', 'data:image/png,raw', '/tmp/cat.jpg']) {
    assertProblem(await post({ image: text }), [400, 'bad_request'], /"image" is /)
  }
})

test('bad_request: a form without a boundary, or one that ends early', async () => {
  const headless = client().post(path).set('content-type', 'multipart/form-data')
  assertProblem(await headless.send('x'), [400, 'bad_request'], /multipart/)
  const cut = client().post(path).set('content-type', 'multipart/form-data; boundary=b')
  const start = '--b\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\nxx'
  assertProblem(await cut.send(start), [400, 'bad_request'], /form/)
})

test('bad_request: a coding that is unknown, is not what the body has, or is a form', async () => {
  const coded = (coding: string) => client().post(path).set('content-encoding', coding)
  const unknown = /Content-Encoding is "br"; expected gzip, deflate or identity/
  assertProblem(await coded('br').send(image), [400, 'bad_request'], unknown)
  assertProblem(await coded('gzip').send(image), [400, 'bad_request'], /not well-formed gzip/)
  const form = coded('gzip').attach('image', image, 'a.png')
  assertProblem(
    await form,
    [400, 'bad_request'],
    /Content-Encoding is "gzip"; expected none for a f/,
  )
})

test('body_too_large: a small body that unfolds into a large one', async () => {
  const bomb = client().post(path).set('content-encoding', 'gzip')
  const sent = gzipSync(Buffer.alloc(50 * maxImageBytes))
  assertProblem(await bomb.send(sent), [413, 'body_too_large'], /200000 bytes/)
})

test('bad_request: a path that is no URL', async () => {
  assertProblem(await client().get('/v1/models/%zz/labels'), [400, 'bad_request'], /path/)
})

test('image_missing: a request without a body, a form without a file, JSON without an image', async () => {
  assertProblem(await client().post(path), [400, 'image_missing'], /no body; send the image/)
  const form = client().post(path).field('caption', 'nothing else')
  assertProblem(await form, [400, 'image_missing'], /the form has no file/)
  const text = client().post(path).field('image', 'photo.jpg')
  assertProblem(await text, [400, 'image_missing'], /only text .* -F image=@photo\.jpg/)
  const empty = client().post(path).attach('image', Buffer.alloc(0), 'empty.jpg')
  assertProblem(await empty, [400, 'image_missing'], /the file of the form is empty/)
  for (const body of [{}, { image: '' }, { image: null }]) {
    assertProblem(await post(body), [400, 'image_missing'], /no "image"/)
  }
})

test('bad_parameter: a value outside what is allowed is repeated with what is', async () => {
  const allowed = /^top_k is ".*"; allowed is an integer from 1 to 1000$/
  for (const value of ['0', '1001', '-1', '1.5', 'five', '', '1e2', '99999999999999999999']) {
    const response = await post(image, `?top_k=${value}`)
    assertProblem(response, [400, 'bad_parameter'], allowed)
  }
  assertProblem(await post(image, '?model=../etc'), [400, 'bad_parameter'], /^model is "\.\.\/etc"/)
  assertProblem(await post(image, '?version=%00'), [400, 'bad_parameter'], /^version is /)
})

test('bad_parameter: one that does not exist, or is given twice, or as a field of the form or body', async () => {
  const unknown = /no parameter "topk"; allowed are: model, version, top_k/
  assertProblem(await post(image, '?topk=3'), [400, 'bad_parameter'], unknown)
  assertProblem(await post(image, '?top_k=3&top_k=4'), [400, 'bad_parameter'], /given once/)
  const field = client().post(path).field('top_k', '3').attach('image', image, 'a.png')
  assertProblem(await field, [400, 'bad_parameter'], /put it into the query/)
  const body = await post({ image: image.toString('base64'), top_k: 3 })
  assertProblem(body, [400, 'bad_parameter'], /parameters go into the query/)
})

test('bad_parameter: a timeout header that is no number of milliseconds', async () => {
  for (const value of ['0', '-5', 'soon', '1.5']) {
    const response = await post(image).set('x-request-timeout-ms', value)
    assertProblem(response, [400, 'bad_parameter'], /X-Request-Timeout-Ms is/)
  }
})

test('model_not_found, version_not_found: with the names of those that are there', async () => {
  const model = await post(image, '?model=resnet99')
  assertProblem(model, [404, 'model_not_found'], /no model "resnet99"; served are: small/)
  const version = await post(image, '?version=9')
  assertProblem(version, [404, 'version_not_found'], /small has no version "9"; served are: 1/)
  const label = await post(image, '?version=canary')
  assertProblem(label, [404, 'version_not_found'], /"canary"/)
})

test('route_not_found: a path that does not exist', async () => {
  const found = await client().get('/v1/clasify')
  assertProblem(found, [404, 'route_not_found'], /nothing at \/v1\/clasify; \/docs lists/)
})

test('method_not_allowed: with the methods that are', async () => {
  const response = await client().get(path)
  assertProblem(response, [405, 'method_not_allowed'], /POST, PUT/)
  assert.equal(response.headers.allow, 'OPTIONS, POST, PUT')
})

test('body_too_large: found from Content-Length before a byte is read, and while reading', async () => {
  const large = Buffer.alloc(maxImageBytes + 1)
  assertProblem(await post(large), [413, 'body_too_large'], /200000 bytes/)
  const chunked = await fetch(`${service.origin}${path}`, {
    method: 'POST',
    body: new Blob([large]).stream(),
    duplex: 'half',
  } as RequestInit)
  assert.equal(chunked.status, 413)
  assert.equal(((await chunked.json()) as { code: string }).code, 'body_too_large')
})

test('body_too_large: as a file of a form and as base64 too', async () => {
  const large = Buffer.alloc(maxImageBytes + 1)
  const form = await client().post(path).attach('image', large, 'a.jpg')
  assertProblem(form, [413, 'body_too_large'])
  const json = await post({ image: large.toString('base64') })
  assertProblem(json, [413, 'body_too_large'])
})

test('image_too_large: found from the header of the file, before decoding', async () => {
  const bomb = pngOfSize(30_000, 30_000)
  assertProblem(await post(bomb), [413, 'image_too_large'], /30000 x 30000 = 900000000 pixels/)
  const long = pngOfSize(100_000, 1)
  assertProblem(await post(long), [413, 'image_too_large'], /no side may be longer/)
})

test('unsupported_image_format: named where it is known, with what is accepted', async () => {
  const foreign: [string, Buffer, RegExp][] = [
    ['svg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), /The image is SVG/],
    ['pdf', Buffer.from('%PDF-1.7\n'), /The image is PDF/],
    ['heic', Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1'), /iPhones make HEIC/],
    ['bmp', Buffer.from('BM\0\0\0\0'), /The image is BMP/],
    ['avif', await noisePicture(1).avif().toBuffer(), /The image is AVIF/],
    ['tiff', await noisePicture(1).tiff().toBuffer(), /The image is TIFF/],
    ['text', Buffer.from('hello'), /no image of a known format/],
    ['zeros', Buffer.alloc(1000), /no image of a known format/],
  ]
  for (const [, bytes, detail] of foreign) {
    const response = await post(bytes)
    assertProblem(response, [415, 'unsupported_image_format'], detail)
    assert.match(response.body.detail, /Accepted: JPEG, PNG, WebP, GIF\.$/)
  }
})

test('what curl -d made of a photograph is told by its name, and what to do', async () => {
  for (const format of ['jpeg', 'png'] as const) {
    const whole = await noisePicture(1, 100, 80).toFormat(format).toBuffer()
    const stripped = Buffer.from(whole.filter((byte) => ![0x0a, 0x0d, 0x00].includes(byte)))
    const forms = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await client().post(path).set(forms).send(stripped.toString('latin1'))
    assert.ok([415, 422].includes(answer.status), answer.text)
    assert.match(
      answer.body.detail,
      /curl -d, .*--data-binary @photo\.jpg, or -F image=@photo\.jpg/,
    )
    const other = await post(stripped)
    assert.doesNotMatch(other.body.detail, /curl/)
  }
})

test('image_undecodable: truncated or corrupt, in every format', async () => {
  for (const format of ['jpeg', 'png', 'webp', 'gif'] as const) {
    const whole = await noisePicture(1, 100, 80).toFormat(format).toBuffer()
    const truncated = await post(whole.subarray(0, whole.length >> 1))
    assertProblem(truncated, [422, 'image_undecodable'], /truncated or corrupt/)
    const onlyStart = await post(whole.subarray(0, 12))
    assertProblem(onlyStart, [422, 'image_undecodable'])
  }
})
