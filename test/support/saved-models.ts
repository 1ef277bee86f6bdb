// What the tests of savedmodel/ share: where models are, TensorFlow in Python, and element values.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { elementSizeBytes } from '../../src/graph/data-type.ts'
import type { Graph, GraphNode } from '../../src/graph/graph.ts'
import type { Tensor } from '../../src/graph/tensor.ts'

const run = promisify(execFile)

/** The package's own folder; compiled, this file is <package>/dist/test/support/saved-models.js. */
const packageFolder = fileURLToPath(new URL('../../../', import.meta.url))
const fixtures = join(packageFolder, 'test/fixtures/saved-models')
export const goldenFolder = join(packageFolder, '../shared/golden')

/** `false`, or why tests of the golden models are skipped. */
export const withoutGolden = existsSync(goldenFolder)
  ? false
  : 'needs the golden models of ../shared'

/** A SavedModel of test/fixtures, as make_saved_models.py names it. */
export const fixture = (name: 'functions' | 'references' | 'twins') => join(fixtures, name, '1')

const python = process.env.TENSORFLOW_PYTHON ?? join(packageFolder, '.venv-tensorflow/bin/python')

/** `false`, or why tests that run TensorFlow are skipped. */
export const withoutTensorFlow = existsSync(python)
  ? false
  : 'needs TensorFlow: python3 -m venv .venv-tensorflow && .venv-tensorflow/bin/pip install tensorflow-cpu==2.21.0, or TENSORFLOW_PYTHON'

export interface Output {
  readonly shape: readonly number[]
  readonly values: readonly number[]
}

/** A SavedModel to run in TensorFlow; see run_saved_model.py. */
export interface Job {
  readonly folder: string
  readonly session?: boolean
  readonly pixels?: string
  readonly rescale?: number
  readonly mean?: readonly number[]
  readonly std?: readonly number[]
}

/** What TensorFlow answers for each job. */
export async function runInTensorFlow(
  ...jobs: readonly Job[]
): Promise<readonly Record<string, Output>[]> {
  const script = join(packageFolder, 'test/support/run_saved_model.py')
  const { stdout } = await run(python, [script, JSON.stringify(jobs)], {
    maxBuffer: 64 * 1024 * 1024,
    timeout: 300_000,
  })
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
}

/** What TensorFlow's own `saved_model_cli show` prints of the signature that is served. */
export async function showSignature(folder: string): Promise<string> {
  const served = ['--tag_set', 'serve', '--signature_def', 'serving_default']
  const cli = join(dirname(python), 'saved_model_cli')
  const { stdout } = await run(cli, ['show', '--dir', folder, ...served], { timeout: 300_000 })
  return stdout
}

/** The largest absolute difference between two outputs of one shape. */
export function largestDifference(a: Output, b: Output): number {
  if (`${a.shape}` !== `${b.shape}`) {
    return Number.POSITIVE_INFINITY
  }
  return a.values.reduce(
    (largest, x, i) => Math.max(largest, Math.abs(x - (b.values[i] as number))),
    0,
  )
}

/** How many nodes of each operator a graph has. */
export function countOperators(graph: Graph): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { op } of graph.nodes) {
    counts[op] = (counts[op] ?? 0) + 1
  }
  return counts
}

/** The tensor of a `Const` node. */
export function constantOf(node: GraphNode | undefined): Tensor {
  const value = node?.attributes.value
  if (value?.kind !== 'tensor') {
    throw new Error(`${node?.name} is no constant`)
  }
  return value.value
}

/** The elements of a tensor of any type with bytes of their own, as numbers. */
export function numbersOf({ dtype, bytes }: Tensor): readonly number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const read: Partial<Record<Tensor['dtype'], (at: number) => number>> = {
    float32: (at) => view.getFloat32(at, true),
    float64: (at) => view.getFloat64(at, true),
    // A half of the range that tests use: sign 0, no subnormals.
    float16: (at) => {
      const bits = view.getUint16(at, true)
      return bits === 0 ? 0 : (1 + (bits & 0x3ff) / 1024) * 2 ** ((bits >> 10) - 15)
    },
    bfloat16: (at) => {
      const wide = new DataView(new ArrayBuffer(4))
      wide.setUint16(2, view.getUint16(at, true), true)
      return wide.getFloat32(0, true)
    },
    int64: (at) => Number(view.getBigInt64(at, true)),
    uint64: (at) => Number(view.getBigUint64(at, true)),
    int32: (at) => view.getInt32(at, true),
    uint32: (at) => view.getUint32(at, true),
    int16: (at) => view.getInt16(at, true),
    uint16: (at) => view.getUint16(at, true),
    int8: (at) => view.getInt8(at),
    uint8: (at) => view.getUint8(at),
    bool: (at) => view.getUint8(at),
  }
  const size = elementSizeBytes[dtype]
  return Array.from(
    { length: bytes.length / size },
    (_, i) => read[dtype]?.(i * size) ?? Number.NaN,
  )
}
