// ONNX Runtime's CUDA provider: two libraries that npm does not carry. `setup-cuda` keeps them in the
// engines folder; ONNX Runtime looks for them beside its own library only, so they are linked there.
// https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html
import { execFile } from 'node:child_process'
import { existsSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { engineFolder } from '../engines-folder.ts'

/** Of onnxruntime-node, which the provider must equal: the two share structures in memory. */
export const providerVersion = '1.30.0'
export const providerEngine = 'onnxruntime-cuda'

export const providerFiles = [
  'libonnxruntime_providers_shared.so',
  'libonnxruntime_providers_cuda.so',
] as const

/** What the provider opens as it runs, so that its file does not name it. */
const openedLater = 'libcudnn.so.9'

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

/**
 * What the provider needs of CUDA and cuDNN, and this system's loader does not find. The provider is not
 * loaded to find out: it has to be ONNX Runtime that does so first. `ldd` belongs to glibc, without
 * which there is no provider.
 */
export async function missingCudaLibraries(): Promise<string[]> {
  const provider = join(runtimeFolder(), 'libonnxruntime_providers_cuda.so')
  const { stdout } = await promisify(execFile)('ldd', [provider]).catch(() => ({ stdout: '' }))
  const unfound = [...stdout.matchAll(/^\s*(\S+) => not found/gm)].map(([, name]) => name as string)
  return canOpen(openedLater) ? unfound : [...unfound, openedLater]
}

function canOpen(library: string): boolean {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
  try {
    koffi.load(library)
    return true
  } catch {
    return false
  }
}

/** What is missing for CUDA, and what to do, in one sentence; empty where nothing seems to be. */
export async function cudaAdvice(): Promise<string> {
  if (!linkProvider()) return ' Its CUDA provider is not installed: run `npm run setup:cuda`.'
  const missing = await missingCudaLibraries()
  if (missing.length === 0) return ''
  return ` Not found on this machine: ${missing.join(', ')} (parts of CUDA and cuDNN).`
}
