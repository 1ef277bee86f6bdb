import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AutoDevices, autoDevices } from '../../src/sessions/auto-devices.ts'

/** A machine where onnxruntime can use the first of two GPUs, openvino none, and tensorflow is not. */
const machine: AutoDevices = {
  engine: 'auto',
  precision: 'auto',
  gpus: ['cuda:0', 'cuda:1'],
  probe: async () => [
    { engine: 'openvino', availability: { available: true, version: '1', devices: ['cpu'] } },
    {
      engine: 'onnxruntime',
      availability: { available: true, version: '1', devices: ['cpu', 'webgpu', 'cuda:0'] },
    },
    { engine: 'tensorflow', availability: { available: false, reason: 'it is not installed' } },
  ],
}

test('GPUs are taken that an engine can use', async () => {
  assert.deepEqual(await autoDevices(machine), ['cuda:0'])
  assert.deepEqual(await autoDevices({ ...machine, engine: 'onnxruntime' }), ['cuda:0'])
})

test('the CPU is taken where the wanted engine knows no GPU, or the precision is for CPUs', async () => {
  assert.deepEqual(await autoDevices({ ...machine, engine: 'openvino' }), ['cpu'])
  assert.deepEqual(await autoDevices({ ...machine, engine: 'tensorflow' }), ['cpu'])
  assert.deepEqual(await autoDevices({ ...machine, precision: 'int8' }), ['cpu'])
  assert.deepEqual(await autoDevices({ ...machine, precision: 'bf16' }), ['cpu'])
})

test('no engine is asked where there is no GPU, which takes a second', async () => {
  const probe = () => assert.fail('an engine was asked')
  assert.deepEqual(await autoDevices({ ...machine, gpus: [], probe }), ['cpu'])
})
