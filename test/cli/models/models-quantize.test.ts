import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { request } from 'undici'
import { loadWithPreferredEngine } from '../../../src/engines/choose.ts'
import { sharp } from '../../../src/imaging/sharp.ts'
import { picture } from '../../support/pictures.ts'
import { runCommand } from '../../support/run-command.ts'
import { startServed } from '../../support/served-process.ts'
import { sessionRequest } from '../../support/session-request.ts'
import { smallCrops } from '../../support/small-model.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const build = ['models', 'build', 'resnet34', '--seed', '1', '--filters', '8']
const small = ['--classes', '10', '--image-size', '32', '--as', 'small']

async function quantized(t: Parameters<typeof tempFolder>[0]) {
  const repository = await tempFolder(t)
  await runCommand([...build, ...small, '--output', repository])
  const images = join(repository, '..', `images-${process.pid}-${Date.now()}`)
  await mkdir(images)
  for (let seed = 0; seed < 12; seed++) {
    const pixels = Buffer.from(
      Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * (seed + 3)) % 256),
    )
    const raw = { width: 64, height: 64, channels: 3 } as const
    await writeFile(join(images, `${seed}.png`), await sharp(pixels, { raw }).png().toBuffer())
  }
  const command = ['models', 'quantize', 'small', '--calibrate', images, '--repository', repository]
  return { repository, images, result: await runCommand(command) }
}

test('an int8 version joins the model, is named, and leaves what is served as it was', async (t) => {
  const { repository, result } = await quantized(t)
  assert.equal(result.code, 0, result.stderr)
  assert.match(result.stdout, /version 2 is version 1 in int8/)
  assert.match(result.stdout, /held out +3 images: same best class/)
  const manifest = JSON.parse(await readFile(join(repository, 'small/model.json'), 'utf8'))
  assert.deepEqual(manifest.versions, { stable: 1, int8: 2 })
  assert.equal(manifest.default, 'stable')
  assert.equal(manifest.weights.kind, 'random')

  const folder = join(repository, 'small/2')
  const order = sessionRequest({ folder, maxBatchSize: 2 })
  const load = async (precision: 'auto' | 'int8' | 'fp32') =>
    (await loadWithPreferredEngine('onnxruntime', { ...order, precision })).model
  const [auto, fp32] = [await load('auto'), await load('fp32')]
  assert.equal(auto.description.precision, 'int8')
  assert.equal(fp32.description.precision, 'fp32')
  const crops = smallCrops(2)
  const [a, b] = [await auto.run(crops, 2), await fp32.run(crops, 2)]
  assert.ok(a.some((value, i) => value !== b[i]))
  const { agreement } = JSON.parse(await readFile(join(folder, 'quantization.json'), 'utf8'))
  for (const part of [agreement.calibration, agreement.heldOut]) {
    assert.ok(part.meanDifference < 0.03, JSON.stringify(agreement))
  }
})

/** Version and precision that answer each of `queries`. */
async function answering(repository: string, precision: string, queries: readonly string[]) {
  const served = await startServed({
    repository,
    environment: { PRECISION: precision, ENGINE: 'onnxruntime', MODELS: 'small' },
  })
  try {
    const body = await picture(1)
    const versions: string[] = []
    for (const query of queries) {
      const url = `${served.origin}/v1/classify?model=small${query}`
      const answer = await request(url, { method: 'POST', body })
      const { version, code } = (await answer.body.json()) as { version?: string; code?: string }
      versions.push(version ?? code ?? '')
    }
    const engine = await request(`${served.origin}/v1/engine`)
    const { models } = (await engine.body.json()) as {
      models: { version: string; engine: { precision: string } | null }[]
    }
    const precisions = models.map(({ version, engine }) => `${version} ${engine?.precision ?? '-'}`)
    return { versions, precisions: precisions.sort() }
  } finally {
    await served.stop()
  }
}

test('over HTTP, int8 answers those who ask for it; PRECISION=int8 serves nothing else', async (t) => {
  const { repository } = await quantized(t)
  const queries = ['', '&version=stable', '&version=int8', '&version=1']
  assert.deepEqual(await answering(repository, 'auto', queries), {
    versions: ['1', '1', '2', '1'],
    precisions: ['1 fp32', '2 int8'],
  })
  assert.deepEqual(await answering(repository, 'int8', queries), {
    versions: ['2', 'version_not_found', '2', 'version_not_found'],
    precisions: ['1 -', '2 int8'],
  })
})

test('int8 is refused where nothing was quantised, with the command that does it', async (t) => {
  const repository = await tempFolder(t)
  await runCommand([...build, ...small, '--output', repository])
  const order = sessionRequest({ folder: join(repository, 'small/1') })
  await assert.rejects(
    loadWithPreferredEngine('onnxruntime', { ...order, precision: 'int8' }),
    /models quantize/,
  )
})

test('a folder with too few images is one line that says so', async (t) => {
  const repository = await tempFolder(t)
  await runCommand([...build, ...small, '--output', repository])
  const empty = await tempFolder(t, { 'note.txt': 'no image' })
  const command = ['models', 'quantize', 'small', '--calibrate', empty, '--repository', repository]
  const { code, stderr } = await runCommand(command)
  assert.equal(code, 1)
  assert.match(stderr, /has 0 images; at least 8 are needed.*note\.txt/)
})
