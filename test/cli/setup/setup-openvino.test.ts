import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  chooseWheel,
  selectLibrary,
  setupOpenvinoCommand,
} from '../../../src/cli/setup/setup-openvino.ts'
import { pinnedVersion } from '../../../src/engines/openvino/versions.ts'
import { tempFolder } from '../../support/temp-folder.ts'

test('only what the engine loads is taken from the package', () => {
  const names = [
    'libopenvino.so.2641',
    'libopenvino_c.so.2641',
    'libopenvino_intel_cpu_plugin.so',
    'libopenvino_arm_cpu_plugin.so',
    'libopenvino_tensorflow_frontend.so.2641',
    'libopenvino_onnx_frontend.2641.dylib',
    'libopenvino_ir_frontend.so.2641',
    'openvino_c.dll',
    'tbb12.dll',
    'libtbb.so.12',
    'libhwloc.so.15',
  ]
  for (const name of names) assert.equal(selectLibrary(`openvino/libs/${name}`), name)
  const leftOut = [
    'openvino/libs/libopenvino_intel_gpu_plugin.so',
    'openvino/libs/libopenvino_tensorflow_lite_frontend.so.2641',
    'openvino/libs/libopenvino_pytorch_frontend.so.2641',
    'openvino/libs/openvino_c.lib',
    'openvino/libs/tbb12_debug.dll',
    'openvino/libs/cache.json',
    'openvino/__init__.py',
    'elsewhere/libopenvino.so.2641',
    'openvino/libs/deeper/libopenvino.so.2641',
  ]
  for (const path of leftOut) assert.equal(selectLibrary(path), null, path)
})

test('the licences come along', () => {
  const folder = 'openvino-2026.4.1.dist-info/licenses'
  assert.equal(selectLibrary(`${folder}/LICENSE`), 'licences/LICENSE')
  assert.equal(selectLibrary(`${folder}/licensing/third-party.txt`), 'licences/third-party.txt')
})

test('every platform that OpenVINO publishes for has its own pinned file', () => {
  const platforms = [
    { platform: 'darwin', arch: 'arm64' },
    { platform: 'win32', arch: 'x64' },
  ]
  for (const platform of platforms) {
    const { filename, sha256 } = chooseWheel(platform)
    assert.match(filename, new RegExp(`^openvino-${pinnedVersion.replaceAll('.', '\\.')}-`))
    assert.match(sha256, /^[0-9a-f]{64}$/)
  }
})

test('a platform without a package is refused, with what to use instead', () => {
  assert.throws(() => chooseWheel({ platform: 'freebsd', arch: 'x64' }), {
    name: 'UsageError',
    message: /no package for freebsd-x64.*ENGINE=onnxruntime/,
  })
})

test('a wheel that is not the published one stops the command in one line', async (t) => {
  const folder = await tempFolder(t, { 'openvino.whl': 'not a wheel' })
  const before = { ...process.env }
  t.after(() => {
    process.env = before
  })
  process.env = { ...before, ENGINES_FOLDER: folder, OPENVINO_LIB_DIR: folder }
  const run = setupOpenvinoCommand().parseAsync(['--force', '--wheel', `${folder}/openvino.whl`], {
    from: 'user',
  })
  await assert.rejects(run, { name: 'UsageError', message: /is not openvino-.*its SHA-256 is/ })
})
