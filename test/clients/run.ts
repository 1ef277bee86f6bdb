// `npm run clients`: other servers' clients, unmodified, against this service as people run it.
// Every check is held against the native API's (or TensorFlow's own) answers; the table of what
// passes is written to docs/clients.md.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { imageClassification } from '@huggingface/inference'
import { goldenModels } from '../support/golden.ts'
import { writeSmallModel } from '../support/known-images.ts'
import { noisePicture } from '../support/pictures.ts'
import { startServed } from '../support/served-process.ts'

interface Row {
  readonly client: string
  readonly check: string
  readonly ok: boolean
  readonly note?: string
}

const root = fileURLToPath(new URL('../../../', import.meta.url))
const scripts = join(root, 'test/clients')
const model = { name: 'small', seed: 3, side: 224, filters: 8 }
const classes = 10
const floatModel = 'resnet34-quarter'
/** The first is of the model's own size, so that its pixels are its tensor. */
const photoSides = [224, 300, 500]

/** Which script runs in which environment; each has its own, because their needs contradict. */
const pythonClients = [
  ['triton_client.py', 'clients'],
  ['oip_client.py', 'clients'],
  ['hugging_face.py', 'clients'],
  ['loadgen.py', 'clients'],
  ['ovms_client.py', 'ovms'],
  ['kserve_client.py', 'kserve'],
] as const

/** @returns the Python of an environment, which is made where it is missing */
function pythonOf(name: string): string {
  const folder = join(root, `.venv-${name}`)
  const python = join(folder, 'bin/python')
  if (existsSync(python)) return python
  const requirements = join(scripts, `requirements-${name}.txt`)
  run('python3', ['-m', 'venv', folder])
  run(python, ['-m', 'pip', 'install', '--quiet', '-r', requirements])
  return python
}

function run(command: string, args: readonly string[]): void {
  const { status } = spawnSync(command, args, { stdio: 'inherit' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`)
}

function runScript(script: string, environment: string, args: readonly string[]): Row[] {
  const { stdout, stderr, status } = spawnSync(
    pythonOf(environment),
    [join(scripts, script), ...args],
    { encoding: 'utf8', timeout: 300_000 },
  )
  const rows = stdout
    .split('\n')
    .filter((line) => line.startsWith('{"client"'))
    .map((line) => JSON.parse(line) as Row)
  if (status === 0 && rows.length > 0) return rows
  process.stderr.write(`${stdout}\n${stderr}`)
  const note = stderr.trim().split('\n').at(-1) ?? ''
  const isTold = rows.some(({ ok }) => !ok)
  return isTold ? rows : [...rows, { client: script, check: 'runs', ok: false, note }]
}

async function huggingFaceJs(origin: string, photo: Buffer): Promise<Row> {
  const client = '@huggingface/inference'
  const check = 'imageClassification with a Blob'
  try {
    const inputs = new Blob([new Uint8Array(photo)])
    const endpointUrl = `${origin}/models/${model.name}`
    const found = await imageClassification({ inputs, endpointUrl, accessToken: 'unused' })
    const native = await fetch(`${origin}/v1/classify?model=${model.name}`, {
      method: 'POST',
      body: new Uint8Array(photo),
    })
    const { predictions } = (await native.json()) as { predictions: { label: string }[] }
    const labels = (rows: readonly { readonly label: string }[]) => rows.map(({ label }) => label)
    const ok = labels(found).join() === labels(predictions).join()
    return { client, check, ok, note: ok ? '' : JSON.stringify(found) }
  } catch (error) {
    return { client, check, ok: false, note: String(error) }
  }
}

function table(rows: readonly Row[]): string {
  const line = ({ client, check, ok, note = '' }: Row) =>
    `| ${client} | ${check} | ${ok ? 'passes' : 'fails'} | ${note.replaceAll('|', '/')} |`
  return [
    '| client | check | result | note |',
    '| --- | --- | --- | --- |',
    ...rows.map(line),
  ].join('\n')
}

async function writeTable(rows: readonly Row[]): Promise<void> {
  const file = join(root, 'docs/clients.md')
  const page = await readFile(file, 'utf8')
  const [before = ''] = page.split('<!-- table -->')
  const [, after = ''] = page.split('<!-- end of table -->')
  const middle = `<!-- table -->\n\n${table(rows)}\n\n<!-- end of table -->`
  await writeFile(file, `${before}${middle}${after}`)
  run('npx', ['biome', 'format', '--write', file])
}

const folder = await mkdtemp(join(tmpdir(), 'resnet-serving-clients-'))
try {
  await writeSmallModel(folder, model)
  const golden = goldenModels().find(({ name }) => name === floatModel)
  if (golden !== undefined) await symlink(join(golden.folder, '..'), join(folder, floatModel))
  const photos: string[] = []
  for (const [seed, side] of photoSides.entries()) {
    const picture = noisePicture(seed + 1, side, side)
    // Without loss where its pixels are compared, as a photograph elsewhere.
    const photo = join(folder, `photo-${seed}.${seed === 0 ? 'png' : 'jpg'}`)
    await (seed === 0 ? picture.png() : picture.jpeg()).toFile(photo)
    photos.push(photo)
  }
  const server = await startServed({
    repository: folder,
    environment: { DEFAULT_MODEL: model.name },
  })
  const { origin } = server
  const common = [origin, model.name, String(classes), ...photos]
  const rows = pythonClients.flatMap(([script, name]) => runScript(script, name, common))
  if (golden !== undefined) {
    const args = [origin, floatModel, join(golden.folder, '..')]
    rows.push(...runScript('float_tensors.py', 'clients', args))
  }
  rows.push(await huggingFaceJs(origin, await readFile(photos[1] as string)))
  await server.stop()
  await writeTable(rows)
  process.stdout.write(`${table(rows)}\n`)
  if (rows.some(({ ok }) => !ok)) process.exitCode = 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
