// `models verify`: checks a model's checksums, runs it on every engine that is there, and compares
// the answers with each other, or with those of a reference folder.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { cores } from '../../config.ts'
import { loadWithPreferredEngine } from '../../engines/choose.ts'
import type { EngineName, LoadRequest } from '../../engines/engine.ts'
import { ModelError, messageOf, UsageError } from '../../errors.ts'
import { checkWeights } from '../../savedmodel/describe.ts'
import { inOneLine } from '../one-line.ts'
import { type FoundModel, findModel, requestFor } from './find-model.ts'
import { assumedPixels, type PixelForm, pixelsOption, withPixels } from './pixel-forms.ts'
import { type Answer, largestDifference, probabilitiesOf } from './scores.ts'

/** Engines in fp32 differ in the last bits; more than this is another answer. */
const allowedDifference = 1e-4
const engines = ['onnxruntime', 'tensorflow', 'openvino'] as const
/** Images of the reference folder's input.u8, and of the noise that is taken without one. */
const images = 4

interface Options {
  readonly reference?: string
  readonly pixels?: PixelForm
  readonly engines?: readonly EngineName[]
  readonly output?: string
}

export function modelsVerifyCommand(): Command {
  return new Command('verify')
    .description(
      "check a model's files, run it on each engine that is there, and compare the answers",
    )
    .argument('<model>', 'a name in the repository, name/version, or the folder of a SavedModel')
    .option('--reference <folder>', 'a folder with input.u8 and reference.<output>.f32')
    .addOption(pixelsOption())
    .addOption(new Option('--engines <name...>', 'only these').choices(engines))
    .option('--output <folder>', 'the model repository (default: MODEL_REPOSITORY)')
    .action(
      inOneLine(async (model: string, options: Options) => {
        const found = withPixels(await findModel(model, options.output), options.pixels)
        const weights = await checkWeights(found.folder)
        const checked = weights
          ? `${weights.tensors} tensors, ${weights.sizeBytes} bytes: every checksum holds`
          : 'the weights are constants in saved_model.pb, which has no checksums'
        process.stdout.write(`${found.name}  ${found.folder}\nfiles        ${checked}\n`)
        await compareEngines(found, options)
      }),
    )
}

async function compareEngines(
  found: FoundModel,
  { reference, engines: chosen = engines }: Options,
): Promise<void> {
  const request = requestFor(found, cores())
  const answers: Answer[] = []
  let pixels = reference === undefined ? null : await readFile(join(reference, 'input.u8'))
  for (const engine of chosen) {
    try {
      const answer = await answerOf(engine, request, pixels)
      pixels ??= Buffer.from(answer.pixels)
      answers.push(answer)
      const { version, output, classes } = answer
      process.stdout.write(`${engine.padEnd(12)} ${version}: "${output}", ${classes} classes\n`)
    } catch (error) {
      process.stdout.write(`${engine.padEnd(12)} not run: ${messageOf(error)}\n`)
    }
  }
  const [first] = answers
  if (first === undefined) throw new ModelError('unsupported', 'no engine can run it')
  const expected = reference === undefined ? first : await readReference(reference, first)
  const others = reference === undefined ? answers.slice(1) : answers
  const differences = others.map((answer) => {
    const difference = largestDifference(answer, expected)
    process.stdout.write(
      `${answer.engine} against ${expected.engine}: largest difference of a probability ${difference.toExponential(1)}\n`,
    )
    return difference
  })
  if (differences.length === 0) process.stdout.write('one engine alone: nothing to compare with\n')
  if (differences.some((difference) => !(difference <= allowedDifference))) {
    const assumed = first.isFloat ? assumedPixels(found) : null
    const hint = reference === undefined || assumed === null ? '' : `; ${assumed}`
    throw new UsageError(`the answers differ by more than ${allowedDifference}${hint}`)
  }
}

/** Runs one engine; without given pixels on noise of the size that the model takes. */
async function answerOf(
  engine: EngineName,
  request: LoadRequest,
  given: Uint8Array | null,
): Promise<Answer> {
  const { model } = await loadWithPreferredEngine(engine, request)
  try {
    const { input, output, engineVersion } = model.description
    const pixels = given ?? noise(images * input.height * input.width * 3)
    const count = pixels.length / (input.height * input.width * 3)
    const scores = await model.run(pixels, count)
    const probabilities = probabilitiesOf(scores, output)
    const { name, classes } = output
    const isFloat = input.dtype === 'float32'
    return { engine, version: engineVersion, isFloat, output: name, classes, pixels, probabilities }
  } finally {
    await model.close()
  }
}

/** The same for every engine and every run. */
function noise(length: number): Uint8Array {
  let state = 1
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 24
  })
}

async function readReference(folder: string, served: Answer): Promise<Answer> {
  const name = `reference.${served.output}.f32`
  const files = (await readdir(folder)).filter((file) => /^reference\..*f32$/.test(file))
  const file = files.includes(name) ? name : files.length === 1 ? files[0] : undefined
  if (file === undefined) {
    throw new UsageError(`${folder} has no ${name}; it has ${files.join(', ') || 'no reference'}`)
  }
  const bytes = Uint8Array.from(await readFile(join(folder, file)))
  const kind = file.includes('logits') ? 'logits' : 'probabilities'
  const scores = new Float32Array(bytes.buffer)
  const probabilities = probabilitiesOf(scores, { kind, classes: served.classes })
  return { ...served, engine: 'the reference', probabilities }
}
