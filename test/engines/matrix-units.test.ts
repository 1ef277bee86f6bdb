import assert from 'node:assert/strict'
import { test } from 'node:test'
import { usesMatrixUnits, type WantedEngine } from '../../src/engines/openvino/matrix-units.ts'

const withUnits = 'processor : 0\nflags\t\t: fpu avx512_bf16 amx_bf16 amx_tile\nbogomips : 1\n'
const without = 'processor : 0\nflags\t\t: fpu avx512_bf16 amx_bf1 amx_bf163\nbugs : amx_bf16\n'

function uses(wanted: Partial<WantedEngine>, cpuInfo = withUnits, library: string | null = '/lib') {
  return usesMatrixUnits({ engine: 'auto', precision: 'auto', ...wanted }, cpuInfo, library)
}

test('OpenVINO on a CPU with AMX uses it, unless fp32 is asked for', () => {
  assert.equal(uses({}), true)
  assert.equal(uses({ engine: 'openvino', precision: 'int8' }), true)
  assert.equal(uses({ precision: 'fp32' }), false)
})

test('other engines, other CPUs, and machines without OpenVINO do not', () => {
  assert.equal(uses({ engine: 'onnxruntime' }), false)
  assert.equal(uses({}, without), false)
  assert.equal(uses({}, ''), false)
  assert.equal(uses({}, withUnits, null), false)
})
