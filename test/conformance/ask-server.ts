// One exported model behind the real server: a `serve` process that has only this model, asked over
// HTTP (V2 dialect, binary UINT8 tensor) for all scores of the exact pixels TensorFlow saw.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { request } from 'undici'
import { startServed } from '../support/served-process.ts'
import type { Exported } from './exported.ts'

const model = 'exported'
/** The largest networks load in 20 s on an idle machine; this is for busy ones. */
const loadMs = 300_000

/** @returns scores [images, classes], as the server answered. @throws Error with its words */
export async function askServer(exported: Exported, engine: string): Promise<Float32Array> {
  const repository = await mkdtemp(join(tmpdir(), 'resnet-serving-conformance-'))
  try {
    await fillRepository(repository, exported)
    const environment = {
      ...{ ENGINE: engine, DEFAULT_MODEL: model, SESSIONS_PER_DEVICE: '1' },
      ...{ THREADS_PER_SESSION: '2', REQUEST_TIMEOUT_MS: '120000', PRECISION: 'fp32' },
    }
    const server = await startServed({ repository, environment })
    try {
      await untilReady(server.origin)
      return await askAll(server.origin, exported)
    } finally {
      await server.stop()
    }
  } finally {
    await rm(repository, { recursive: true, force: true })
  }
}

async function fillRepository(repository: string, exported: Exported): Promise<void> {
  const { preprocess, output, cropSize } = exported
  const folder = join(repository, model)
  await mkdir(folder)
  await symlink(exported.version, join(folder, '1'))
  const manifest = {
    ...(output === undefined ? {} : { output }),
    preprocess: {
      ...preprocess,
      resizeShortSide: null,
      ...(cropSize === undefined ? {} : { cropSize }),
    },
  }
  await writeFile(join(folder, 'model.json'), JSON.stringify(manifest))
}

interface Row {
  readonly model: string
  readonly state: string
  readonly error?: unknown
}

async function untilReady(origin: string): Promise<void> {
  const deadline = Date.now() + loadMs
  while (Date.now() < deadline) {
    const { body } = await request(`${origin}/v1/models`)
    const { models } = (await body.json()) as { models: readonly Row[] }
    const row = models.find((one) => one.model === model)
    if (row?.state === 'ready') return
    if (row?.state === 'failed') throw new Error(`does not load: ${JSON.stringify(row.error)}`)
    await pause(100)
  }
  throw new Error(`not ready within ${loadMs / 1000} s`)
}

/** All images in one request, or one by one where a batch would change the answer. */
async function askAll(origin: string, exported: Exported): Promise<Float32Array> {
  const { pixels, height, width, alone = false } = exported
  const imageBytes = height * width * 3
  const input = await inputName(origin)
  const partBytes = alone ? imageBytes : pixels.length
  const parts: Float32Array[] = []
  for (let at = 0; at < pixels.length; at += partBytes) {
    const shape = [partBytes / imageBytes, height, width, 3]
    parts.push(await infer(origin, { input, shape, pixels: pixels.subarray(at, at + partBytes) }))
  }
  return Float32Array.from(parts.flatMap((part) => [...part]))
}

async function inputName(origin: string): Promise<string> {
  const { body } = await request(`${origin}/v2/models/${model}`)
  const { inputs } = (await body.json()) as { inputs: readonly { readonly name: string }[] }
  return inputs[0]?.name ?? ''
}

interface Ask {
  readonly input: string
  readonly shape: readonly number[]
  readonly pixels: Uint8Array
}

async function infer(origin: string, { input, shape, pixels }: Ask): Promise<Float32Array> {
  const json = Buffer.from(
    JSON.stringify({
      inputs: [
        {
          ...{ name: input, datatype: 'UINT8', shape },
          parameters: { binary_data_size: pixels.length },
        },
      ],
      parameters: { binary_data_output: true },
    }),
  )
  const { statusCode, headers, body } = await request(`${origin}/v2/models/${model}/infer`, {
    method: 'POST',
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(json.length),
    },
    body: Buffer.concat([json, pixels]),
  })
  const answer = Buffer.from(await body.arrayBuffer())
  if (statusCode !== 200)
    throw new Error(`answers ${statusCode}: ${answer.toString().slice(0, 500)}`)
  const headBytes = Number(headers['inference-header-content-length'])
  return new Float32Array(Uint8Array.from(answer.subarray(headBytes)).buffer)
}
