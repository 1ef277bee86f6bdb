// What the openvino engine decides without the library: versions, precision, where to look.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { findLibrary } from '../../src/engines/openvino/find-library.ts'
import { choosePrecision } from '../../src/engines/openvino/precision.ts'
import { isSupported, pinnedVersion, versionOf } from '../../src/engines/openvino/versions.ts'
import { tempFolder } from '../support/temp-folder.ts'

test('versions whose headers were compared are taken, all others refused', () => {
  for (const version of [pinnedVersion, '2025.1.0', '2025.4.1', '2026.0.0', '2026.4']) {
    assert.equal(isSupported(version), true, version)
  }
  for (const version of ['2025.0.0', '2024.6.0', '2026.5.0', '2027.0.0', 'custom', '2026', '']) {
    assert.equal(isSupported(version), false, version)
  }
})

test('the version is the head of the build number', () => {
  assert.equal(versionOf('2026.4.1-22982-e213a147257-releases/2026/4'), '2026.4.1')
  assert.equal(versionOf('custom_branch'), 'custom_branch')
})

test('auto computes in bf16 where the CPU has it, and in fp32 elsewhere', () => {
  assert.deepEqual(choosePrecision('auto', 'BF16 WINOGRAD FP32 INT8'), { precision: 'bf16' })
  assert.deepEqual(choosePrecision('auto', 'WINOGRAD FP32 INT8'), { precision: 'fp32' })
  assert.deepEqual(choosePrecision('auto', 'FP32 FP16'), { precision: 'fp32' })
})

test('a precision is taken where the CPU has it, and refused with the choices elsewhere', () => {
  assert.deepEqual(choosePrecision('fp32', 'BF16 FP32'), { precision: 'fp32' })
  assert.deepEqual(choosePrecision('fp16', 'FP16 FP32'), { precision: 'fp16' })
  assert.deepEqual(choosePrecision('bf16', 'FP32 INT8'), {
    refused: 'this CPU has no bf16 instructions; openvino can run fp32 here (PRECISION)',
  })
})

test('the newest installed version is found, but not one half installed', async (t) => {
  if (process.platform !== 'linux') return t.skip("knows Linux's file names")
  const engines = await tempFolder(t, {
    'openvino/2026.4.1/libopenvino_c.so.2641': '',
    'openvino/2026.10.0/libopenvino_c.so.26100': '',
    'openvino/2027.0.0.partial-x/libopenvino_c.so.2700': '',
    'openvino/2028.0.0/readme': '',
  })
  const found = findLibrary({ ENGINES_FOLDER: engines })
  assert.equal(found, join(engines, 'openvino/2026.10.0/libopenvino_c.so.26100'))
})

test('the folder that is named goes before all others, right or wrong', async (t) => {
  if (process.platform !== 'linux') return t.skip("knows Linux's file names")
  const folder = await tempFolder(t, {
    'named/libopenvino_c.so': '',
    'engines/openvino/2026.4.1/libopenvino_c.so.2641': '',
  })
  const environment = { ENGINES_FOLDER: join(folder, 'engines') }
  const named = findLibrary({ ...environment, OPENVINO_LIB_DIR: join(folder, 'named') })
  assert.equal(named, join(folder, 'named/libopenvino_c.so'))
  assert.equal(findLibrary({ ...environment, OPENVINO_LIB_DIR: join(folder, 'typo') }), null)
})

test("an archive of OpenVINO's is found by INTEL_OPENVINO_DIR", async (t) => {
  if (process.platform !== 'linux') return t.skip("knows Linux's file names")
  const folder = await tempFolder(t, { 'runtime/lib/intel64/libopenvino_c.so.2540': '' })
  const found = findLibrary({ ENGINES_FOLDER: join(folder, 'none'), INTEL_OPENVINO_DIR: folder })
  assert.equal(found, join(folder, 'runtime/lib/intel64/libopenvino_c.so.2540'))
})
