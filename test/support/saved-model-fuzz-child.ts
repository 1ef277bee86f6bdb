// The process that reads and converts damaged models, so that a crash, a hang or exhausted memory is seen from
// outside. It takes { seed, first, count } and answers each mutation with its outcome.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readServed } from '../../src/engines/onnxruntime/converted-model.ts'
import { castsOf, servedEndpoint } from '../../src/engines/tensorflow/open-model.ts'
import { ModelError } from '../../src/errors.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { convertGraph } from '../../src/onnx/convert.ts'
import { encodeModel } from '../../src/onnx/encode.ts'
import { writeWithCasts } from '../../src/savedmodel/cast-endpoints.ts'
import { readSignatures } from '../../src/savedmodel/signatures.ts'
import { readTable } from '../../src/savedmodel/table.ts'
import { checkCheckpoint } from '../../src/savedmodel/tensor-bundle.ts'
import { encodeTable, snappyCompression } from './checkpoint-writer.ts'
import { damageMessages } from './message-damage.ts'
import { createRandom, damage, type Random } from './mutations.ts'
import type { FuzzAnswer, FuzzOrder } from './saved-model-fuzz.ts'
import { fixture } from './saved-models.ts'
import { exportsFolder } from './tensorflow.ts'

/** The reader's own fixtures, and small classifiers that convert: with a checkpoint, and without. */
const models = [
  ...(['functions', 'references', 'twins'] as const).map(fixture),
  ...[
    ...['keras3-saved', 'uint8', 'float-unnamed-logits', 'int64'],
    ...['half-ends-variables', 'names-beside'],
  ].map((name) => join(exportsFolder, name, '1')),
]
const served = { model: 'damaged', output: null }
const index = 'variables/variables.index'
const inputStage = { scale: [1, 1, 1], offset: [0, 0, 0] } as const

interface Damaged {
  readonly file: string
  readonly bytes: Buffer
  /** Whether the checksums still tell: then nothing but the original may be read from it. */
  readonly checked: boolean
}

process.on('message', async (order: FuzzOrder) => {
  await run(order)
  process.disconnect()
})

async function run({ seed, first, count }: FuzzOrder): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'resnet-serving-fuzz-'))
  try {
    for (let mutation = first; mutation < first + count; mutation += 1) {
      const started = performance.now()
      const answer = await tryOne(folder, createRandom(seed * 1_000_003 + mutation))
      const peakBytes = process.resourceUsage().maxRSS * 1024
      send({ mutation, peakBytes, ms: performance.now() - started, ...answer })
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function send(answer: FuzzAnswer): void {
  process.send?.(answer)
}

type Result = Pick<FuzzAnswer, 'outcome' | 'detail'>

async function tryOne(folder: string, random: Random): Promise<Result> {
  const original = random.pick(models)
  await rm(folder, { recursive: true })
  await cp(original, folder, { recursive: true })
  const { file, bytes, checked } = await damageOne(original, random)
  await writeFile(join(folder, file), bytes)
  let converted: Result = { outcome: 'loaded', detail: '' }
  const main = await outcomeOf(async () => {
    const graph = await readServed({ ...served, folder })
    converted = await outcomeOf(async () => {
      const { onnx } = convertGraph(graph, { model: 'damaged', output: null, inputStage })
      return encodeModel(onnx).length > 0
    })
    return (
      !checked || contentOf(graph) === contentOf(await readServed({ ...served, folder: original }))
    )
  })
  const others = [
    () => readSignatures(folder),
    () => checkCheckpoint(folder),
    () => castEnds(folder),
  ]
  const results = await Promise.all(others.map((read) => outcomeOf(async () => !!(await read()))))
  results.push(converted)
  return results.find(({ outcome }) => outcome === 'crashed') ?? main
}

/** What the tensorflow engine does to a model with other element types, before TensorFlow reads it. */
async function castEnds(folder: string): Promise<string> {
  const { endpoint } = await servedEndpoint({ ...served, folder })
  const target = await mkdtemp(join(tmpdir(), 'resnet-serving-fuzz-casts-'))
  try {
    const { output } = await writeWithCasts(folder, target, castsOf(endpoint))
    return output
  } finally {
    await rm(target, { recursive: true, force: true })
  }
}

/** @param read whether what was read is right */
async function outcomeOf(read: () => Promise<boolean>): Promise<Result> {
  try {
    return (await read())
      ? { outcome: 'loaded', detail: '' }
      : { outcome: 'wrong', detail: 'damage that checksums cover was read' }
  } catch (error) {
    return error instanceof ModelError && !/This is a bug/.test(error.message)
      ? { outcome: error.kind, detail: '' }
      : { outcome: 'crashed', detail: (error as Error).stack ?? String(error) }
  }
}

/** Half of the damage is to saved_model.pb; that to an index is mostly under checksums made anew. */
async function damageOne(model: string, random: Random): Promise<Damaged> {
  const data = model.includes('references') ? '00001-of-00002' : '00000-of-00001'
  const damaged = random.below(10)
  const hasCheckpoint = existsSync(join(model, index))
  const file =
    damaged < 5 || !hasCheckpoint
      ? 'saved_model.pb'
      : damaged < 9
        ? index
        : `variables/variables.data-${data}`
  const bytes = await readFile(join(model, file))
  if (file === 'saved_model.pb') {
    return { file, bytes: (damaged < 3 ? damageMessages : damage)(bytes, random), checked: false }
  }
  if (file === index && damaged < 8) {
    return { file, bytes: damageIndex(bytes, random), checked: false }
  }
  return { file, bytes: damage(bytes, random), checked: true }
}

/** An index whose entries, blocks or compressed blocks are damaged, with right checksums. */
function damageIndex(bytes: Buffer, random: Random): Buffer {
  const entries = [...readTable(bytes)]
  const hurt = random.below(3)
  const victim = random.below(entries.length)
  const changed = entries.map(({ key, value }, i) => {
    const bytes = Buffer.from(value)
    return [key, hurt === 0 && i === victim ? damage(bytes, random) : bytes] as const
  })
  const plain = { type: 0, pack: (block: Uint8Array) => block }
  const { type, pack } = random.pick([plain, snappyCompression])
  return encodeTable(changed, {
    entriesPerBlock: 1 + random.below(8),
    compression: {
      type,
      pack: (block) => {
        const before =
          hurt === 1 && random.below(2) === 0 ? damage(Buffer.from(block), random) : block
        const packed = Buffer.from(pack(before))
        return hurt === 2 && random.below(2) === 0 ? damage(packed, random) : packed
      },
    },
  })
}

/** A digest of all that a graph says, bytes of constants included. */
function contentOf(graph: Graph): string {
  const text = JSON.stringify(graph, (_, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
  )
  return createHash('sha256').update(text).digest('hex')
}
