// Every operator against TensorFlow's own answers (test/fixtures/operators/make.py writes them).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openSession } from '../../src/engines/onnxruntime/session.ts'
import { convertGraph } from '../../src/onnx/convert.ts'
import { encodeModel } from '../../src/onnx/encode.ts'
import { casePixels, operatorCases } from '../support/operator-cases.ts'
import { sessionRequest } from '../support/session-request.ts'

/** Pixels as make.py sees them: -2..2. */
const inputStage = { scale: [1 / 64, 1 / 64, 1 / 64], offset: [-2, -2, -2] } as const

/** float32 sums in another order; values lie around 1, the largest around 100. */
const absoluteTolerance = 2e-5
const relativeTolerance = 2e-5

/** Half precision is computed as float32 here, so TensorFlow's rounding is the difference. */
const tolerances: Readonly<Record<string, number>> = { 'half precision': 2e-3 }

describe('an operator computes what TensorFlow does', () => {
  for (const { name, graph, answer } of operatorCases) {
    test(name, async () => {
      const { onnx, input, output, report } = convertGraph(graph, {
        model: 'case',
        output: null,
        inputStage,
      })
      const model = { source: encodeModel(onnx), facts: { input, output, report } }
      const session = await openSession(model, sessionRequest())
      try {
        assertClose(await session.run(casePixels, 2), answer, tolerances[name] ?? 0)
      } finally {
        await session.close()
      }
    })
  }
})

function assertClose(found: Float32Array, expected: Float32Array, extra: number): void {
  assert.equal(found.length, expected.length)
  expected.forEach((value, i) => {
    const allowed = absoluteTolerance + relativeTolerance * Math.abs(value) + extra
    const difference = Math.abs((found[i] as number) - value)
    assert.ok(difference <= allowed, `element ${i}: expected ${value}, found ${found[i]}`)
  })
}
