// `bench`: how many images a second a service answers and how long each takes, under more and more
// clients: a running service, or one of its own.
import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { readConfig } from '../config.ts'
import { UsageError } from '../errors.ts'
import { madePhotographs } from '../imaging/made-photographs.ts'
import { authorizationOf } from './authorization.ts'
import { createBenchTable, printJson } from './bench-table.ts'
import { findImages } from './classify/find-images.ts'
import { ImageFailure, openServer } from './classify/image-source.ts'
import { closedLoop } from './closed-loop.ts'
import { defaultModelIn } from './models/default-model.ts'
import { fillRepository } from './models/fill-repository.ts'
import { inOneLine } from './one-line.ts'
import { wholeNumber, wholeNumbers } from './option-forms.ts'
import { type OwnService, startOwnService } from './own-service.ts'
import { baseOf } from './server-address.ts'

interface BenchOptions {
  readonly url?: string
  readonly apiKey?: string
  readonly model?: string
  readonly clients: readonly number[]
  readonly seconds: number
  readonly json: boolean
}

const maxClients = 4096
/** They are all held in memory; a folder of more is a data set. */
const maxImages = 1000

const examples = `
Examples:
  resnet-serving bench                                       the models here, as \`serve\` would run them
  ENGINE=onnxruntime resnet-serving bench --clients 1,16     every variable of \`serve\` holds
  resnet-serving bench --model resnet34 --seconds 20 photos/
  resnet-serving bench --url http://127.0.0.1:8080 --json

Each client sends its next image when the last one was answered. Without images some are made, of
500 x 375. P50 to P99 are the client's times; DECODE, QUEUE and INFER are means that the service told.
A server at --url computes equal images in flight once, unless SHARE_IN_FLIGHT is off there: send it
more images than there are clients. Clients that run on the server's cores take some of them.
Exit code: 0 every request was answered or refused with 429; 1 some failed.`

export function benchCommand(): Command {
  return new Command('bench')
    .description(
      'measure images a second and the time of an answer, of a server or of the models here',
    )
    .argument('[images...]', 'files or folders to send')
    .option('--url <url>', 'measure the server there instead of one of its own')
    .option('--api-key <key>', 'a key for --url (default: the variable API_KEY)')
    .option('--model <name>', 'the model to ask (default: DEFAULT_MODEL)')
    .option(
      '--clients <list>',
      'clients; a row for each number',
      wholeNumbers(1, maxClients),
      [1, 8, 32],
    )
    .option('--seconds <n>', 'measured for each row', wholeNumber(1, 3600), 5)
    .option('--json', 'one JSON object a row, for programs', false)
    .addHelpText('after', examples)
    .action(inOneLine(bench))
}

async function bench(paths: readonly string[], options: BenchOptions): Promise<void> {
  const bodies = paths.length === 0 ? await madePhotographs() : await readImages(paths)
  const key = options.apiKey ?? process.env.API_KEY
  const service = options.url === undefined ? await startOwn(options.model) : running(options.url)
  try {
    const models = options.model === undefined ? [] : [options.model]
    const first = await askOnce(service.origin, { key, models, image: firstOf(bodies) })
    process.stderr.write(`${first?.model} (${first?.weights} weights) at ${service.origin}\n`)
    const print = options.json ? printJson : createBenchTable()
    const query = `?model=${encodeURIComponent(first?.model ?? '')}`
    const { origin, pathname } = new URL(`${service.origin}/v1/classify`)
    const path = `${pathname}${query}`
    for (const clients of options.clients) {
      const load = { ...options, origin, bodies, clients }
      const figures = await closedLoop({ ...load, path, headers: authorizationOf(key) })
      if (figures.failures.size > 0) process.exitCode = 1
      print({ clients, ...figures })
    }
  } finally {
    await service.stop()
  }
}

/** Who answers, before clients ask: a key, a model or an image may be wrong. @throws UsageError */
async function askOnce(base: string, { key, models, image }: FirstQuestion) {
  try {
    const [result] = await openServer(base, key).ask(image, { models, topK: 1 })
    return result
  } catch (error) {
    if (error instanceof ImageFailure) throw new UsageError(`the first image: ${error.message}`)
    throw error
  }
}

interface FirstQuestion {
  readonly key: string | undefined
  readonly models: readonly string[]
  readonly image: Uint8Array
}

function running(url: string): OwnService {
  return { origin: baseOf(url), stop: async () => {} }
}

async function startOwn(model: string | undefined): Promise<OwnService> {
  const config = readConfig(process.env)
  if (!(await fillRepository(config))) {
    throw new UsageError(`the model repository ${config.modelRepository} was not filled`)
  }
  const name = model ?? (await defaultModelIn(config))
  return await startOwnService({ MODELS: name, DEFAULT_MODEL: name })
}

async function readImages(paths: readonly string[]): Promise<readonly Uint8Array[]> {
  const files = await findImages(paths)
  return await Promise.all(files.slice(0, maxImages).map((file) => readFile(file)))
}

function firstOf(bodies: readonly Uint8Array[]): Uint8Array {
  const [first] = bodies
  if (first === undefined) throw new UsageError('there is no image to send')
  return first
}
