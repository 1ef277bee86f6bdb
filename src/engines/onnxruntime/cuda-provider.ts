// ONNX Runtime's CUDA provider: two libraries that npm does not carry. `setup-cuda` keeps them in the
// engines folder; ONNX Runtime looks for them beside its own library only, so they are linked there.
// https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html
import { existsSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { engineFolder } from '../engines-folder.ts'

/** Of onnxruntime-node, which the provider must equal: the two share structures in memory. */
export const providerVersion = '1.30.0'
export const providerEngine = 'onnxruntime-cuda'

export const providerFiles = [
  'libonnxruntime_providers_shared.so',
  'libonnxruntime_providers_cuda.so',
] as const

/** What the provider needs beside NVIDIA's driver: CUDA 13 and cuDNN 9. */
const cudaLibraries = [
  'libcudart.so.13',
  'libcublas.so.13',
  'libcublasLt.so.13',
  'libcufft.so.12',
  'libcurand.so.10',
  'libcudnn.so.9',
]

const { resolve } = createRequire(import.meta.url)

/** The folder of ONNX Runtime's own library. */
export function runtimeFolder(): string {
  const binaries = join(dirname(resolve('onnxruntime-node/package.json')), 'bin/napi-v6')
  return join(binaries, process.platform, process.arch)
}

/**
 * Links what `setup-cuda` installed beside ONNX Runtime's library, unless a provider is there.
 * @returns whether a provider is there now; a folder that cannot be written to has none
 */
export function linkProvider(): boolean {
  const installed = engineFolder(providerEngine, providerVersion)
  const folder = runtimeFolder()
  try {
    for (const name of providerFiles) {
      const target = join(installed, name)
      if (existsSync(join(folder, name)) || !existsSync(target)) continue
      rmSync(join(folder, name), { force: true }) // a link to where the engines folder once was
      symlinkSync(target, join(folder, name))
    }
  } catch {
    // Read-only packages, or another process that links at this moment: what is there decides.
  }
  return providerFiles.every((name) => existsSync(join(folder, name)))
}

/** Those of CUDA's and cuDNN's libraries that this system's loader does not find. */
export function missingCudaLibraries(): string[] {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
  return cudaLibraries.filter((name) => {
    try {
      koffi.load(name)
      return false
    } catch {
      return true
    }
  })
}

/** What is missing for CUDA, and what to do, in one sentence; empty where nothing seems to be. */
export function cudaAdvice(): string {
  if (!linkProvider()) return ' Its CUDA provider is not installed: run `npm run setup:cuda`.'
  const missing = missingCudaLibraries()
  if (missing.length === 0) return ''
  return ` Not found on this machine: ${missing.join(', ')} (CUDA 13 and cuDNN 9).`
}
