import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nvidiaGpus } from '../../src/engines/nvidia-gpus.ts'
import { tempFolder } from '../support/temp-folder.ts'

const devices = { nvidia0: '', nvidia3: '', nvidiactl: '', 'nvidia-uvm': '', null: '' }

test('a GPU is counted for each device file of the driver, from 0 on', async (t) => {
  assert.deepEqual(nvidiaGpus({}, await tempFolder(t, devices)), ['cuda:0', 'cuda:1'])
  assert.deepEqual(nvidiaGpus({}, await tempFolder(t, { null: '' })), [])
  assert.deepEqual(nvidiaGpus({}, '/no/such/folder'), [])
})

test('CUDA_VISIBLE_DEVICES hides GPUs, up to the first name that CUDA does not take', async (t) => {
  const folder = await tempFolder(t, devices)
  const seen = (names: string) => nvidiaGpus({ CUDA_VISIBLE_DEVICES: names }, folder).length
  assert.equal(seen('1'), 1)
  assert.equal(seen('0, 1'), 2)
  assert.equal(seen('GPU-57657e91-a46f'), 1)
  assert.equal(seen('0,-1,1'), 1)
  assert.equal(seen('-1'), 0)
  assert.equal(seen(''), 0)
})
