// `classify FILES…`: classes of files and folders, by a running server or without one.
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { Command } from 'commander'
import { readConfig } from '../../config.ts'
import { messageOf, UsageError } from '../../errors.ts'
import { defaultModelIn } from '../models/default-model.ts'
import { fillRepository } from '../models/fill-repository.ts'
import { inOneLine } from '../one-line.ts'
import { wholeNumber } from '../option-forms.ts'
import { baseOf } from '../server-address.ts'
import { createReport, type FileResult, type Report } from './classify-report.ts'
import { findImages } from './find-images.ts'
import {
  ImageFailure,
  type ImageSource,
  openLocalModels,
  openServer,
  type Question,
} from './image-source.ts'
import { inOrder } from './in-order.ts'

interface ClassifyOptions {
  readonly model?: string
  readonly topK: number
  readonly json: boolean
  readonly url?: string
  readonly apiKey?: string
  readonly repository?: string
}

/** Enough to fill a batch while others are decoded; a server with less room says so. */
const imagesAtOnce = 16
const maxTopK = 1000
/** Stands for standard input. */
const standardInput = '-'

const examples = `
Examples:
  resnet-serving classify photo.jpg
  resnet-serving classify --model resnet34,resnet50 --top-k 1 holiday/
  resnet-serving classify --json holiday/ | jq -r '[.file, .results[0].predictions[0].label] | @tsv'
  resnet-serving classify --url http://127.0.0.1:8080 photo.jpg
  curl -s https://example.org/photo.jpg | resnet-serving classify -

Without --url the models of MODEL_REPOSITORY run in this very command, as \`serve\` would run them;
with many images or many calls, \`serve\` once and --url save the loading.
Exit code: 0 every image has its classes; 1 one of them has not, and its line says why.`

export function classifyCommand(): Command {
  return new Command('classify')
    .description('classify image files, or all images of folders')
    .argument('<files...>', 'files or folders; - is standard input')
    .option('--model <names>', 'the model, or several to compare, comma-separated')
    .option('--top-k <n>', 'classes of each image', wholeNumber(1, maxTopK), 3)
    .option('--json', 'one JSON object a line and image, for programs', false)
    .option('--url <url>', 'ask the server there instead of loading the models here')
    .option('--api-key <key>', 'a key for --url (default: the variable API_KEY)')
    .option('--repository <folder>', 'the model repository (default: MODEL_REPOSITORY)')
    .addHelpText('after', examples)
    .action(
      inOneLine(async (paths: readonly string[], options: ClassifyOptions) => {
        const files = await findImages(paths)
        const question = { models: namesIn(options.model), topK: options.topK }
        const source = await openSource(options, question.models)
        const report = createReport({ files, json: options.json })
        try {
          await classifyAll({ files, source, question, report })
        } finally {
          report.end()
          await source.close()
        }
      }),
    )
}

function namesIn(model: string | undefined): readonly string[] {
  return (model ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

/** @param models only these are loaded, or the default one */
async function openSource(
  { url, apiKey, repository }: ClassifyOptions,
  models: readonly string[],
): Promise<ImageSource> {
  if (url !== undefined) {
    return openServer(baseOf(url), apiKey ?? process.env.API_KEY)
  }
  const flags = repository === undefined ? {} : { MODEL_REPOSITORY: repository }
  const config = readConfig(process.env, flags)
  if (!(await fillRepository(config))) {
    throw new UsageError(`the model repository ${config.modelRepository} was not filled`)
  }
  return await openLocalModels({
    ...config,
    models: models.length === 0 ? [await defaultModelIn(config)] : models,
  })
}

interface Round {
  readonly files: readonly string[]
  readonly source: ImageSource
  readonly question: Question
  readonly report: Report
}

async function classifyAll({ files, source, question, report }: Round): Promise<void> {
  const ask = (file: string) => classifyFile(file, source, question)
  for await (const result of inOrder(files, imagesAtOnce, ask)) {
    report.add(result)
    if ('error' in result) process.exitCode = 1
  }
}

async function classifyFile(
  file: string,
  source: ImageSource,
  question: Question,
): Promise<FileResult> {
  try {
    const results = await source.ask(await readImage(file), question)
    const shown = results.map(({ model, version, weights, predictions }) => {
      return { model, version, weights, predictions }
    })
    return { file, results: shown }
  } catch (error) {
    if (error instanceof ImageFailure) {
      return { file, error: { code: error.code, detail: error.message } }
    }
    throw error
  }
}

async function readImage(file: string): Promise<Uint8Array> {
  if (file === standardInput) return await buffer(process.stdin)
  try {
    return await readFile(file)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    throw new ImageFailure('unreadable', unreadable[code] ?? messageOf(error))
  }
}

const unreadable: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
}
