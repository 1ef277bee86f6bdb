// What each dialect answers, held against the native API's answer to the same picture.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { deflateSync, gunzipSync, gzipSync } from 'node:zlib'
import { noise, picture } from '../../support/pictures.ts'
import { type Service, startService } from '../../support/service.ts'
import { smallLabels, smallSide } from '../../support/small-repository.ts'

let service: Service
let image: Buffer
let expected: readonly {
  readonly index: number
  readonly label: string
  readonly probability: number
}[]
const read = async (answer: Response) => JSON.parse(await answer.text())
const pixels = noise(1)
const shape = [1, smallSide, smallSide, 3]

before(async () => {
  service = await startService({
    models: [{ name: 'small', versions: { 1: 1, 2: 2 }, manifest: { versions: { stable: 1 } } }],
  })
  image = await picture(1)
  const native = await post('/v1/classify?top_k=10&version=1', image)
  expected = (await read(native)).predictions
})
after(() => service.close())

function post(path: string, body: Uint8Array | object, headers: Record<string, string> = {}) {
  const isRaw = body instanceof Uint8Array
  return fetch(`${service.origin}${path}`, {
    method: 'POST',
    body: isRaw ? body : JSON.stringify(body),
    headers: isRaw ? headers : { 'content-type': 'application/json', ...headers },
  })
}

const getJson = async (path: string) => await read(await fetch(`${service.origin}${path}`))

function assertScores(scores: ArrayLike<number>): void {
  for (const { index, probability } of expected) {
    assert.ok(Math.abs((scores[index] as number) - probability) < 1e-6, `class ${index}`)
  }
}

const version1 = '/v2/models/small/versions/1'
const input = { name: 'images', datatype: 'UINT8', shape }

test('open inference: pixels as JSON, flat or nested, get the scores of all classes', async () => {
  const flat = Array.from(pixels)
  const nested = [
    Array.from({ length: smallSide }, (_, y) =>
      Array.from({ length: smallSide }, (_, x) =>
        flat.slice((y * smallSide + x) * 3, (y * smallSide + x) * 3 + 3),
      ),
    ),
  ]
  for (const data of [flat, nested]) {
    const answer = await post(`${version1}/infer`, { id: '42', inputs: [{ ...input, data }] })
    const { id, model_name, model_version, outputs } = await read(answer)
    assert.deepEqual([id, model_name, model_version], ['42', 'small', '1'])
    assert.deepEqual(outputs[0].shape, [1, 10])
    assertScores(outputs[0].data)
  }
})

/** A binary request, and the parts of its answer. */
async function inferBinary(json: object, tail: Uint8Array, headers: Record<string, string> = {}) {
  const head = Buffer.from(JSON.stringify(json))
  const body = Buffer.concat([head, tail])
  const coding = headers['content-encoding']
  const coded = coding === 'gzip' ? gzipSync(body) : coding === 'deflate' ? deflateSync(body) : body
  const answer = await post(`${version1}/infer`, coded, {
    'inference-header-content-length': String(head.length),
    ...headers,
  })
  const bytes = Buffer.from(await answer.arrayBuffer())
  const length = Number(answer.headers.get('inference-header-content-length') ?? bytes.length)
  return {
    answer,
    json: JSON.parse(bytes.subarray(0, length).toString()),
    tail: bytes.subarray(length),
  }
}

const floats = (bytes: Uint8Array) => new Float32Array(new Uint8Array(bytes).buffer)

test('open inference: binary tensors in both directions, compressed in both directions', async () => {
  const inputs = [{ ...input, parameters: { binary_data_size: pixels.length } }]
  for (const coding of ['identity', 'gzip', 'deflate']) {
    const { answer, json, tail } = await inferBinary(
      { inputs, parameters: { binary_data_output: true } },
      pixels,
      { 'content-encoding': coding, 'accept-encoding': coding },
    )
    assert.equal(answer.headers.get('content-type'), 'application/octet-stream')
    assert.deepEqual(json.outputs[0].parameters, { binary_data_size: 40 })
    assertScores(floats(tail))
  }
})

test('open inference: several encoded images in one request, each an element of BYTES', async () => {
  const element = (bytes: Uint8Array) => {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(bytes.length)
    return Buffer.concat([length, bytes])
  }
  const tail = Buffer.concat([element(image), element(await picture(2)), element(image)])
  const { json } = await inferBinary(
    { inputs: [{ name: 'images', datatype: 'BYTES', shape: [3] }] },
    tail,
  )
  assert.deepEqual(json.outputs[0].shape, [3, 10])
  assertScores(json.outputs[0].data.slice(0, 10))
  assertScores(json.outputs[0].data.slice(20))
})

test('open inference: a raw tensor, and a raw image, without any JSON', async () => {
  for (const body of [pixels, image]) {
    const answer = await post(`${version1}/infer`, body, { 'inference-header-content-length': '0' })
    const length = Number(answer.headers.get('inference-header-content-length'))
    assertScores(floats(Buffer.from(await answer.arrayBuffer()).subarray(length)))
  }
})

test('open inference: classes as texts, best first, as JSON and as BYTES', async () => {
  const outputs = [{ name: 'probabilities', parameters: { classification: 3 } }]
  const answer = await post(`${version1}/infer`, {
    inputs: [{ ...input, data: [...pixels] }],
    outputs,
  })
  const [{ datatype, shape: shown, data }] = (await read(answer)).outputs
  assert.deepEqual([datatype, shown], ['BYTES', [1, 3]])
  const wanted = expected
    .slice(0, 3)
    .map(({ index, label, probability }) => `${probability.toFixed(6)}:${index}:${label}`)
  assert.deepEqual(data, wanted)
  const binary = await inferBinary(
    {
      inputs: [{ ...input, parameters: { binary_data_size: pixels.length } }],
      outputs: [{ name: 'probabilities', parameters: { classification: 1, binary_data: true } }],
    },
    pixels,
  )
  assert.equal(binary.tail.subarray(4).toString(), wanted[0])
})

test('open inference: a timeout in microseconds that no answer can meet is told as such', async () => {
  const body = { inputs: [{ ...input, data: [...pixels] }], parameters: { timeout: 1 } }
  const answer = await post(`${version1}/infer`, body)
  assert.equal(answer.status, 504)
  assert.match((await read(answer)).error, /time/)
})

test('open inference: metadata, configuration, health, index and statistics are the real ones', async () => {
  assert.deepEqual(await getJson('/v2/health/ready'), { live: true, ready: true })
  assert.deepEqual(await getJson('/v2/models/small/ready'), { name: 'small', ready: true })
  const metadata = await getJson('/v2/models/small')
  assert.deepEqual(metadata.versions, ['2', '1'])
  assert.deepEqual(metadata.inputs[0].name, 'images')
  assert.deepEqual(metadata.outputs[0], {
    name: 'probabilities',
    datatype: 'FP32',
    shape: [-1, 10],
  })
  const config = await getJson('/v2/models/small/config')
  assert.equal(config.input[0].format, 'FORMAT_NHWC')
  const count = async () => (await getJson(`${version1}/stats`)).model_stats[0]
  const before = await count()
  await post('/predictions/small/1', image)
  const after = await count()
  assert.equal(after.inference_count, before.inference_count + 1)
  assert.ok(after.inference_stats.compute_infer.ns > before.inference_stats.compute_infer.ns)
  assert.ok(after.batch_stats.length > 0)
  const index = await read(await post('/v2/repository/index', {}))
  assert.deepEqual(
    index.map(({ state }: { state: string }) => state),
    ['READY', 'READY'],
  )
})

const rows = (bytes: Uint8Array) =>
  Array.from({ length: smallSide }, (_, y) =>
    Array.from({ length: smallSide }, (_, x) => {
      const at = (y * smallSide + x) * 3
      return [...bytes.subarray(at, at + 3)]
    }),
  )

test('tensorflow serving: rows and columns, tensors and images, by version, label and latest', async () => {
  const b64 = image.toString('base64')
  const tensor = rows(pixels)
  for (const instances of [[tensor], [{ images: tensor }], [{ b64 }], [{ images: { b64 } }]]) {
    const answer = await post('/v1/models/small/versions/1:predict', { instances })
    assertScores((await read(answer)).predictions[0])
  }
  for (const inputs of [[tensor], { images: [tensor] }, { b64 }, { images: [{ b64 }, { b64 }] }]) {
    const answer = await post('/v1/models/small/labels/stable:predict', { inputs })
    assertScores((await read(answer)).outputs[0])
  }
  const [latest, two] = await Promise.all(
    ['0', '2'].map(async (version) =>
      read(await post(`/v1/models/small/versions/${version}:predict`, { instances: [{ b64 }] })),
    ),
  )
  assert.deepEqual(latest, two)
})

test('tensorflow serving: no Content-Type, any case, compressed or not', async () => {
  const body = Buffer.from(JSON.stringify({ instances: [{ b64: image.toString('base64') }] }))
  const plain = await post('/V1/Models/small/versions/1:Predict', body)
  assertScores((await read(plain)).predictions[0])
  const coded = await post('/v1/models/small/versions/1:predict', gzipSync(body), {
    'content-encoding': 'gzip',
  })
  assertScores((await read(coded)).predictions[0])
})

test('tensorflow serving: classify, state and signature', async () => {
  const examples = [{ image: { b64: image.toString('base64') } }]
  const { results } = await read(await post('/v1/models/small/versions/1:classify', { examples }))
  assert.deepEqual(
    results[0].map(([label]: [string]) => label),
    expected.map(({ label }) => label),
  )
  const status = await getJson('/v1/models/small/versions/1')
  assert.deepEqual(status.model_version_status, [
    { version: '1', state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } },
  ])
  const { metadata } = await getJson('/v1/models/small/metadata')
  const { inputs, outputs } = metadata.signature_def.signature_def.serving_default
  assert.equal(inputs.images.dtype, 'DT_UINT8')
  assert.deepEqual(outputs.probabilities.tensor_shape.dim.at(-1), { size: '10', name: '' })
  const missing = await fetch(`${service.origin}/v1/models/half`)
  assert.equal((await read(missing)).error, 'Servable not found for request: Latest(half)')
})

test('torchserve: POST, PUT and a form get the five best; ping says healthy', async () => {
  const wanted = Object.fromEntries(
    expected.slice(0, 5).map(({ label, probability }) => [label, probability]),
  )
  const form = new FormData()
  form.set('data', new Blob([new Uint8Array(image)]), 'a.png')
  const url = `${service.origin}/predictions/small/1`
  const answers = [
    await fetch(url, { method: 'POST', body: image }),
    await fetch(url, { method: 'PUT', body: image }),
    await fetch(url, { method: 'POST', body: form }),
  ]
  for (const answer of answers) assert.deepEqual(await read(answer), wanted)
  assert.deepEqual(await getJson('/ping'), { status: 'Healthy' })
})

test('deepstack: a form gets the best class', async () => {
  const form = new FormData()
  form.set('image', new Blob([new Uint8Array(image)]), 'a.png')
  const answer = await fetch(`${service.origin}/v1/vision/scene`, { method: 'POST', body: form })
  const { success, label, confidence } = await read(answer)
  assert.ok(success && smallLabels.includes(label) && confidence > 0)
})

test('an answer that is compressed is the same answer', async () => {
  const body = {
    inputs: [{ ...input, shape: [16, ...shape.slice(1)], data: Array(16).fill([...pixels]) }],
  }
  const plain = await post('/v2/models/small/infer', body, { 'accept-encoding': 'identity' })
  const coded = await post('/v2/models/small/infer', body, { 'accept-encoding': 'gzip' })
  assert.equal(coded.headers.get('content-encoding'), 'gzip')
  assert.equal(gunzipSync(gzipSync(await coded.text())).toString(), await plain.text())
})
