// The program as a user starts it: a process of its own on a free port, with small models of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { runCommand } from './run-command.ts'

export interface Served {
  /** Where it listens, e.g. http://127.0.0.1:40123 */
  readonly origin: string
  readonly repository: string
  stop(): Promise<void>
}

const program = fileURLToPath(new URL('../../src/cli/bin.cjs', import.meta.url))

/** Narrow networks on small images: they load and answer in a blink. */
const smallNetwork = ['--filters', '8', '--image-size', '64']

/** A repository with a small ResNet34 and ResNet50 whose weights are random. */
export async function writeRepository(options: readonly string[] = smallNetwork): Promise<string> {
  const repository = await mkdtemp(join(tmpdir(), 'resnet-serving-served-'))
  for (const network of ['resnet34', 'resnet50']) {
    const args = ['models', 'build', network, '--seed', '1', '--output', repository, ...options]
    const { code, stderr } = await runCommand(args)
    if (code !== 0) throw new Error(`models build failed: ${stderr}`)
  }
  return repository
}

/** Starts `serve` on small models of its own and waits until it listens. */
export async function serveModels(
  environment: Readonly<Record<string, string>> = {},
  options?: readonly string[],
): Promise<Served> {
  const repository = await writeRepository(options)
  const served = await serveRepository(repository, { ENGINE: 'onnxruntime', ...environment })
  return {
    ...served,
    async stop() {
      await served.stop()
      await rm(repository, { recursive: true, force: true })
    },
  }
}

/** Starts `serve` on models that are there, and leaves them there. */
export async function serveRepository(
  repository: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Served> {
  const child = spawn(process.execPath, ['--enable-source-maps', program, 'serve'], {
    env: { ...process.env, PORT: '0', MODEL_REPOSITORY: repository, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return {
    origin: await addressOf(child),
    repository,
    async stop() {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

async function addressOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the server has no standard output')
  const lines = createInterface({ input: child.stdout })
  return await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with exit code ${code}`)))
    lines.on('line', (line) => {
      const { msg, address } = JSON.parse(line) as { msg?: string; address?: string }
      if (msg === 'listening' && address !== undefined) resolve(address)
    })
  })
}
