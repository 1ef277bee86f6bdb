import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  requirePlatform,
  selectProvider,
  setupCudaCommand,
} from '../../../src/cli/setup/setup-cuda.ts'
import { providerVersion } from '../../../src/engines/onnxruntime/cuda-provider.ts'
import { loadRuntime, runtimeVersion } from '../../../src/engines/onnxruntime/runtime.ts'
import { tempFolder } from '../../support/temp-folder.ts'

test('the CUDA provider that is pinned is the one of the library that npm installs', async () => {
  assert.equal(runtimeVersion(await loadRuntime()), providerVersion)
})

test('only the provider and its licences are taken from the package', () => {
  const taken = {
    'onnxruntime/capi/libonnxruntime_providers_cuda.so': 'libonnxruntime_providers_cuda.so',
    'onnxruntime/capi/libonnxruntime_providers_shared.so': 'libonnxruntime_providers_shared.so',
    'onnxruntime/LICENSE': 'licences/LICENSE',
    'onnxruntime/ThirdPartyNotices.txt': 'licences/ThirdPartyNotices.txt',
  }
  for (const [path, name] of Object.entries(taken)) assert.equal(selectProvider(path), name)
  const leftOut = [
    'onnxruntime/capi/libonnxruntime.so.1.30.0',
    'onnxruntime/capi/onnxruntime_pybind11_state.so',
    'onnxruntime/tools/LICENSE',
    'elsewhere/libonnxruntime_providers_cuda.so',
  ]
  for (const path of leftOut) assert.equal(selectProvider(path), null, path)
})

test('a platform without a provider is told what else runs there', () => {
  assert.throws(() => requirePlatform({ platform: 'darwin', arch: 'arm64' }), {
    name: 'UsageError',
    message: /runs on linux-x64, and this is darwin-arm64.*DEVICES=webgpu/,
  })
})

test('a wheel that is not the pinned file is refused', {
  skip: process.platform !== 'linux' || process.arch !== 'x64' ? 'needs Linux on x64' : false,
}, async (t) => {
  const folder = await tempFolder(t, { 'other.whl': 'no wheel' })
  process.env.ENGINES_FOLDER = folder
  t.after(() => delete process.env.ENGINES_FOLDER)
  const errors: string[] = []
  t.mock.method(process.stderr, 'write', (text: string) => errors.push(text) > 0)
  const command = setupCudaCommand().exitOverride()
  await assert.rejects(
    command.parseAsync(['--wheel', `${folder}/other.whl`, '--force'], { from: 'user' }),
    /other\.whl is not onnxruntime_gpu-1\.30\.0.*expected 6acc0f4b/,
  )
  assert.match(errors.join(''), /a package of 247 MB/)
})
