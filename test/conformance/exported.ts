// SavedModels with TensorFlow's answers: written one after another by export.py, or lying in
// ../shared/golden.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Normalization } from '../../src/engines/engine.ts'
import { goldenModels } from '../support/golden.ts'
import { packageFolder } from '../support/tensorflow.ts'

export interface Exported {
  readonly name: string
  /** The folder that holds saved_model.pb. */
  readonly version: string
  readonly preprocess: Normalization
  readonly height: number
  readonly width: number
  /** uint8 [images, height, width, 3] */
  readonly pixels: Uint8Array
  /** TensorFlow's scores, [images, classes], of `output`. */
  readonly answer: Float32Array
  readonly classes: number
  readonly kind: 'logits' | 'probabilities'
  /** What the manifest has to name; absent, the service chooses. */
  readonly output?: string
  /** The only engine that is asked: what TensorFlow's own kernels cannot compute on a CPU. */
  readonly only?: string
  /** Engines that have to refuse it, and a pattern that their words have to match. */
  readonly refusals?: Readonly<Record<string, string>>
  /** Graphs that compute in less than fp32 differ by more. */
  readonly tolerance?: number
  /** TensorFlow was asked for one image at a time: the graph computes across a batch. */
  readonly alone?: boolean
  /** The side to serve, where the signature leaves it open. */
  readonly cropSize?: number
  /** The version of TensorFlow that wrote it. */
  readonly tensorflow?: string
}

export interface ExportFailure {
  readonly name: string
  readonly error: string
}

const python = join(packageFolder, '.venv-tensorflow/bin/python')
const script = join(packageFolder, 'test/conformance/export.py')
const requirements = ['tensorflow-cpu==2.21.0', 'keras', 'tf_keras==2.21.0', 'numpy', 'pillow']

/** Makes the virtual environment with TensorFlow where it is missing. */
export async function ensurePython(): Promise<void> {
  if (existsSync(python)) return
  await run('python3', ['-m', 'venv', join(packageFolder, '.venv-tensorflow')])
  await run(python, ['-m', 'pip', 'install', '--quiet', ...requirements])
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const code = await new Promise((resolve) => {
    spawn(command, args, { stdio: 'inherit' }).once('exit', resolve).once('error', resolve)
  })
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`)
}

/** The names of the cases of people.py. */
export async function listCases(): Promise<string[]> {
  const child = spawn(python, [script, '--list'], { stdio: ['ignore', 'pipe', 'ignore'] })
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line)
  throw new Error(`${python} ${script} --list printed nothing`)
}

/** The largest networks take two minutes on a busy machine: longer than this, something hangs. */
const exportMs = 900_000

/**
 * One after another, the next being written while one is tried. Each is deleted when the next is asked
 * for: they weigh up to 550 MB.
 */
export async function* exportAll(
  folder: string,
  names: readonly string[],
): AsyncGenerator<Exported | ExportFailure> {
  if (names.length === 0) return
  const child = spawn(python, [script, folder, ...names], { stdio: ['pipe', 'pipe', 'pipe'] })
  const words = lastWords(child)
  // One that ended early says so in its last words, and not by a broken pipe.
  child.stdin.on('error', () => undefined)
  const waiting = new Set(names)
  const limit = setTimeout(() => child.kill(), exportMs)
  try {
    for await (const text of createInterface({ input: child.stdout })) {
      if (!text.startsWith('{"name"')) continue
      const line = JSON.parse(text) as { name: string; error?: string; folder?: string }
      waiting.delete(line.name)
      child.stdin.write('\n')
      yield line.folder === undefined
        ? { name: line.name, error: `export: ${line.error}` }
        : readExported(line.folder)
      await rm(join(folder, line.name), { recursive: true, force: true })
      limit.refresh()
    }
    for (const name of waiting) yield { name, error: `the export ended early: ${words()}` }
  } finally {
    clearTimeout(limit)
    child.kill()
  }
}

function lastWords(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (more) => {
    text = `${text}${more}`.slice(-2_000)
  })
  return () => text.trim().split('\n').at(-1) ?? ''
}

function readExported(folder: string): Exported {
  const facts = JSON.parse(readFileSync(join(folder, 'network.json'), 'utf8'))
  const bytes = Uint8Array.from(readFileSync(join(folder, 'reference.f32')))
  return {
    ...facts,
    version: join(folder, '1'),
    pixels: Uint8Array.from(readFileSync(join(folder, 'input.u8'))),
    answer: new Float32Array(bytes.buffer),
  }
}

/** The folders of ../shared/golden, once for each output; none where they are not there. */
export function goldenExports(): Exported[] {
  return goldenModels().flatMap((model) =>
    [...model.answers].map(([output, answer]) => ({
      name: model.answers.size > 1 ? `${model.name}.${output}` : model.name,
      version: model.folder,
      preprocess: model.normalization,
      height: model.size,
      width: model.size,
      pixels: model.pixels,
      answer,
      classes: 1000,
      kind: output === 'logits' ? ('logits' as const) : ('probabilities' as const),
      output,
    })),
  )
}
