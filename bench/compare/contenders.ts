// Who is compared: this service with each of its engines, and what a user would run instead, all
// with the same model, threads and batch size, each asked in its own form.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Target } from './load.ts'
import { peersFolder, pythonFor } from './python-venv.ts'

export interface Contender {
  readonly name: string
  /** Prepares what it needs; throws where it cannot run here, with the reason. */
  readonly command: (port: number) => Promise<Command>
  readonly path: string
  readonly encode: Encoding
}

interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly folder?: string
}

type Encoding = (image: Uint8Array) => {
  readonly body: Uint8Array
  readonly headers: Readonly<Record<string, string>>
}

/** What all contenders are given. */
export interface Setting {
  readonly repository: string
  readonly model: string
  /** A temporary folder with all of it. */
  readonly scratch: string
  /** An .onnx of uint8 [N, 224, 224, 3] -> float32 [N, classes]. */
  readonly onnxFile: string
  readonly savedModel: string
  /** The same model quantised, in a repository of its own; absent where there is no such version. */
  readonly int8?: { readonly repository: string; readonly folder: string }
  readonly threads: number
  readonly maxBatchSize: number
  readonly resize: number
  readonly filter: string
  /** `cpu`, `cuda:0`, …, for this service; the peers run on the CPU. */
  readonly device: string
}

const raw: Encoding = (image) => ({ body: image, headers: { 'content-type': 'image/jpeg' } })

const boundary = 'a-boundary-that-is-in-no-image'
const multipart =
  (field: string): Encoding =>
  (image) => {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="image.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`
    return {
      body: Buffer.concat([Buffer.from(head), image, Buffer.from(`\r\n--${boundary}--\r\n`)]),
      headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    }
  }

const openInference: Encoding = (image) => {
  const input = {
    name: 'image',
    shape: [1, 1],
    datatype: 'BYTES',
    parameters: { content_type: 'base64' },
    data: [Buffer.from(image).toString('base64')],
  }
  return {
    body: Buffer.from(JSON.stringify({ inputs: [input] })),
    headers: { 'content-type': 'application/json' },
  }
}

/** This service, started as a user starts it. */
export function service(setting: Setting, name: string, extra: Record<string, string>): Contender {
  const program = fileURLToPath(new URL('../../src/cli/bin.cjs', import.meta.url))
  return {
    name,
    path: `/v1/classify?model=${setting.model}`,
    encode: raw,
    command: async (port) => ({
      program: process.execPath,
      args: ['--enable-source-maps', program, 'serve'],
      environment: {
        PORT: String(port),
        MODEL_REPOSITORY:
          extra.PRECISION === 'int8' ? (setting.int8?.repository ?? '') : setting.repository,
        MODELS: setting.model,
        DEFAULT_MODEL: setting.model,
        DEVICES: setting.device,
        SHARE_IN_FLIGHT: 'off', // the photographs come again and again: each is to be computed
        ...extra,
      },
    }),
  }
}

/** Program and arguments inside the environment's bin folder. */
type PeerCommand = (bin: string, port: number) => readonly [string, ...string[]]

interface PeerOptions {
  readonly requirements: string
  readonly path: string
  readonly encode: Encoding
  readonly run: PeerCommand
  readonly folder?: string
  readonly environment?: (port: number) => Readonly<Record<string, string>>
}

function peer(name: string, setting: Setting, options: PeerOptions): Contender {
  return {
    name,
    path: options.path,
    encode: options.encode,
    async command(port) {
      const [program, ...args] = options.run(await pythonFor(options.requirements), port)
      const environment = { ...peerEnvironment(setting, port), ...options.environment?.(port) }
      return { program, args, environment, folder: options.folder ?? peersFolder }
    },
  }
}

export function peerEnvironment(setting: Setting, port: number): Record<string, string> {
  return {
    BENCH_MODEL: setting.onnxFile,
    BENCH_SAVED_MODEL: setting.savedModel,
    BENCH_THREADS: String(setting.threads),
    BENCH_BATCH: String(setting.maxBatchSize),
    BENCH_RESIZE: String(setting.resize),
    BENCH_FILTER: setting.filter,
    BENCH_PORT: String(port),
    PYTHONPATH: peersFolder,
  }
}

export function contenders(setting: Setting, engines: readonly string[]): readonly Contender[] {
  const own = engines.map((engine) => {
    const [kind = '', precision] = engine.split(' ')
    return service(setting, `this service, ${engine}`, {
      ENGINE: kind,
      ...(precision === undefined ? {} : { PRECISION: precision }),
    })
  })
  const naive: Contender = {
    name: 'tfjs-node behind Fastify (naive)',
    path: '/',
    encode: raw,
    command: async (port) => ({
      program: process.execPath,
      args: [fileURLToPath(new URL('../peers/naive-tfjs.js', import.meta.url))],
      environment: peerEnvironment(setting, port),
    }),
  }
  return [...own, naive, ...pythonPeers(setting)]
}

function pythonPeers(setting: Setting): readonly Contender[] {
  return [
    peer('LitServe, onnxruntime', setting, {
      requirements: 'litserve',
      path: '/predict',
      encode: multipart('request'),
      run: (bin) => [join(bin, 'python'), 'litserve_app.py'],
    }),
    peer('BentoML, onnxruntime', setting, {
      requirements: 'bentoml',
      path: '/classify',
      encode: multipart('image'),
      run: (bin, port) => [
        join(bin, 'bentoml'),
        ...['serve', 'bentoml_app:Front', '--host', '127.0.0.1', '--port', String(port)],
      ],
    }),
    peer('MLServer, onnxruntime', setting, {
      requirements: 'mlserver',
      path: '/v2/models/mlserver/infer',
      encode: openInference,
      folder: join(peersFolder, 'mlserver'),
      run: (bin) => [join(bin, 'mlserver'), 'start', '.'],
      environment: (port) => ({
        MLSERVER_HOST: '127.0.0.1',
        MLSERVER_HTTP_PORT: String(port),
        MLSERVER_GRPC_PORT: String(port + 1),
        MLSERVER_METRICS_PORT: String(port + 2),
      }),
    }),
    peer('Ray Serve, onnxruntime', setting, {
      requirements: 'ray',
      path: '/',
      encode: raw,
      run: (bin) => [join(bin, 'python'), 'ray_app.py'],
    }),
  ]
}

export interface Running {
  readonly name: string
  readonly pid: number
  readonly target: Target
  readonly startMs: number
}

/** No server takes longer, Ray included. */
const startLimitMs = 120_000
const askAgainMs = 100

/**
 * Starts a contender and waits for its first right answer.
 * @throws Error with its last words
 */
export async function start(contender: Contender, images: readonly Uint8Array[]): Promise<Running> {
  const port = await freePort()
  const { program, args, environment, folder } = await contender.command(port)
  if (!existsSync(program)) throw new Error(`${program} is not there`)
  const startedAt = performance.now()
  const child = spawn(program, args, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(folder === undefined ? {} : { cwd: folder }),
  })
  const words = lastWords(child)
  const encoded = images.map(contender.encode)
  const { headers = {} } = encoded[0] ?? {}
  const target: Target = {
    origin: `http://127.0.0.1:${port}`,
    path: contender.path,
    headers,
    bodies: encoded.map(({ body }) => body),
  }
  await firstAnswer(child, target, words)
  return {
    name: contender.name,
    pid: child.pid ?? 0,
    target,
    startMs: performance.now() - startedAt,
  }
}

function lastWords(child: ChildProcess): () => string {
  let text = ''
  const keep = (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-2000)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  return () => text
}

async function firstAnswer(child: ChildProcess, target: Target, words: () => string) {
  const { origin, path, headers, bodies } = target
  const giveUpAt = performance.now() + startLimitMs
  while (performance.now() < giveUpAt) {
    if (child.exitCode !== null) throw new Error(`it ended: ${words()}`)
    const body = bodies[0] as Uint8Array<ArrayBuffer>
    const answer = await fetch(origin + path, { method: 'POST', headers, body }).catch(() => null)
    if (answer?.status === 200 && (await answer.text()).includes('predictions')) return
    await new Promise((resolve) => setTimeout(resolve, askAgainMs))
  }
  throw new Error(`no answer within ${startLimitMs} ms: ${words()}`)
}

/** The first of three free ports in a row, most likely. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}
