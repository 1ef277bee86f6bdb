// Models of test/fixtures/tensorflow-exports on the tensorflow engine: loaded, refused, compared.
import assert from 'node:assert/strict'
import type { LoadedModel, LoadRequest } from '../../src/engines/engine.ts'
import { tensorflowEngine } from '../../src/engines/tensorflow/tensorflow-engine.ts'
import { ModelError } from '../../src/errors.ts'
import { loadRequest, withoutEngine } from './tensorflow.ts'

/** Pixels as 0..1. */
export const plainFloats = { rescale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1] } as const
export const cropSize = 8 * 8 * 3
export const classes = 10
export const needsEngine = { skip: withoutEngine, timeout: 120_000 }

export async function withModel<Result>(
  model: string,
  rest: Partial<LoadRequest>,
  use: (model: LoadedModel) => Promise<Result>,
): Promise<Result> {
  const loaded = await tensorflowEngine.load(loadRequest(model, rest))
  try {
    return await use(loaded)
  } finally {
    await loaded.close()
  }
}

export function refuses(
  request: LoadRequest,
  kind: ModelError['kind'],
  message: RegExp,
): Promise<void> {
  return assert.rejects(tensorflowEngine.load(request), (error: unknown) => {
    assert.ok(error instanceof ModelError, String(error))
    assert.match(error.message, message)
    assert.equal(error.kind, kind)
    return true
  })
}

export function assertClose(
  found: Iterable<number>,
  expected: Iterable<number>,
  tolerance = 1e-5,
): void {
  const wanted = [...expected]
  const given = [...found]
  assert.equal(given.length, wanted.length)
  for (const [at, value] of given.entries()) {
    assert.ok(
      Math.abs(value - (wanted[at] ?? Number.NaN)) < tolerance,
      `${value}, not ${wanted[at]}`,
    )
  }
}
