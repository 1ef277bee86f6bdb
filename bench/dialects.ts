// `npm run bench:dialects`: what the binary path of Open Inference V2 costs beside the native raw
// path, for the same photographs on the same server, in interleaved rounds.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import { writeSmallModel } from '../test/support/known-images.ts'
import { noisePicture } from '../test/support/pictures.ts'
import { startServed } from '../test/support/served-process.ts'

const rounds = 10
const requestsPerRound = 200
const clients = 8
const model = { name: 'small', seed: 3, side: 224, filters: 8 }

interface Call {
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: Buffer
}

function v2Call(image: Buffer): Call {
  const input = { name: 'images', datatype: 'BYTES', shape: [1] }
  const parameters = { binary_data_size: image.length + 4 }
  const outputs = [{ name: 'probabilities', parameters: { binary_data: true } }]
  const json = Buffer.from(JSON.stringify({ inputs: [{ ...input, parameters }], outputs }))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(image.length)
  return {
    path: `/v2/models/${model.name}/infer`,
    headers: { 'inference-header-content-length': String(json.length) },
    body: Buffer.concat([json, length, image]),
  }
}

let uploads = 0

/** Milliseconds that a round takes. */
async function round(pool: Pool, call: (image: Buffer) => Call, image: Buffer): Promise<number> {
  let left = requestsPerRound
  const startedAt = performance.now()
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (left-- > 0) {
        // Bytes behind the end of a JPEG change nothing but its hash: equal uploads would be shared.
        const given = call(Buffer.concat([image, Buffer.from(String(uploads++))]))
        const { statusCode, body } = await pool.request({ method: 'POST', ...given })
        await body.arrayBuffer()
        if (statusCode !== 200) throw new Error(`${given.path} answered ${statusCode}`)
      }
    }),
  )
  return performance.now() - startedAt
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number
}

const folder = await mkdtemp(join(tmpdir(), 'resnet-serving-dialects-'))
try {
  await writeSmallModel(folder, model)
  const server = await startServed({
    repository: folder,
    environment: { DEFAULT_MODEL: model.name },
  })
  const pool = new Pool(server.origin, { connections: clients })
  const image = await noisePicture(1, 500, 375).jpeg().toBuffer()
  const nativeCall = (body: Buffer): Call => ({ path: '/v1/classify', headers: {}, body })
  for (const call of [nativeCall, v2Call]) await round(pool, call, image)
  const native: number[] = []
  const v2: number[] = []
  for (let at = 0; at < rounds; at++) {
    native.push(await round(pool, nativeCall, image))
    v2.push(await round(pool, v2Call, image))
  }
  await pool.close()
  await server.stop()
  const perImage = (values: readonly number[]) => (median(values) / requestsPerRound).toFixed(2)
  const ratios = v2.map((ms, at) => ms / (native[at] as number))
  process.stdout.write(
    [
      '| path | ms an image, median round |',
      '| --- | --- |',
      `| native, raw JPEG | ${perImage(native)} |`,
      `| V2, binary BYTES in, binary out | ${perImage(v2)} |`,
      `| V2 / native, median of ${rounds} pairs | ${median(ratios).toFixed(3)} |`,
      '',
    ].join('\n'),
  )
} finally {
  await rm(folder, { recursive: true, force: true })
}
