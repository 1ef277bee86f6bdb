// `setup-cuda`: gets ONNX Runtime's CUDA provider for the onnxruntime engine out of its Python package.
// CUDA itself, cuDNN and the driver are NVIDIA's to install: what is missing of them is said.
import { Command } from 'commander'
import {
  linkProvider,
  missingCudaLibraries,
  providerEngine,
  providerFiles,
  providerVersion,
  runtimeFolder,
} from '../../engines/onnxruntime/cuda-provider.ts'
import { loadRuntime, runtimeVersion } from '../../engines/onnxruntime/runtime.ts'
import { UsageError } from '../../errors.ts'
import { inOneLine } from '../one-line.ts'
import { installPackage, type SetupOptions } from './install-package.ts'
import type { Wheel } from './pypi-wheel.ts'

/** Any Python's file does: the libraries in them are the same. */
const wheel: Wheel = {
  filename: 'onnxruntime_gpu-1.30.0-cp312-cp312-manylinux_2_28_x86_64.whl',
  sha256: '6acc0f4b3d5ac5f2984432faa59dd8fcce6775f8b43a7140afa0f322c7a703b1',
  sizeBytes: 246_685_715,
}

export function setupCudaCommand(): Command {
  return new Command('setup-cuda')
    .description(
      `get ONNX Runtime ${providerVersion}'s CUDA provider for the onnxruntime engine, from its ` +
        'Python package (Linux on x64; needs CUDA 13, cuDNN 9 and the driver)',
    )
    .option('--wheel <file>', 'the package, if it is on this machine already')
    .option('--force', 'install again even if it is there')
    .action(inOneLine(setupCuda))
}

/** @throws UsageError with what went wrong, and what to do */
async function setupCuda(options: SetupOptions): Promise<void> {
  const say = (line: string) => process.stderr.write(`${line}\n`)
  requirePlatform(process)
  await requireSameVersion()
  say(`ONNX Runtime ${providerVersion}, a package of ${Math.round(wheel.sizeBytes / 1e6)} MB`)
  const { folder, installed } = await installPackage(
    { engine: providerEngine, version: providerVersion, wheel, select: selectProvider },
    options,
    { title: `onnxruntime-gpu ${providerVersion}`, say },
  )
  if (!linkProvider()) {
    throw new UsageError(
      `The provider is in ${folder}, but could not be linked into ${runtimeFolder()}, where ONNX ` +
        'Runtime looks for it: run this command as a user who may write there.',
    )
  }
  say(installed ? `Installed in ${folder}` : `Already installed in ${folder}, and intact`)
  reportMissing(await missingCudaLibraries(), say)
}

function reportMissing(missing: readonly string[], say: (line: string) => void): void {
  if (missing.length === 0) {
    say('CUDA and cuDNN are here: `serve` uses the GPU from now on (DEVICES=auto)')
    return
  }
  say(
    `Not found on this machine: ${missing.join(', ')}. They are part of CUDA 13 and cuDNN 9: ` +
      "install those (NVIDIA's packages cuda-libraries-13-0 and cudnn9-cuda-13, or an image of " +
      'nvidia/cuda:13…-cudnn-runtime), or name their folder in LD_LIBRARY_PATH. Until then ' +
      '`serve` uses the CPU, and DEVICES=cuda:0 is refused.',
  )
}

/** @throws UsageError where ONNX Runtime publishes no provider for Node's library */
export function requirePlatform({ platform, arch }: { platform: string; arch: string }): void {
  if (platform === 'linux' && arch === 'x64') return
  throw new UsageError(
    `ONNX Runtime's CUDA provider for Node runs on linux-x64, and this is ${platform}-${arch}: use ` +
      'DEVICES=webgpu, which needs no CUDA, or DEVICES=cpu',
  )
}

async function requireSameVersion(): Promise<void> {
  const found = runtimeVersion(await loadRuntime())
  if (found === providerVersion) return
  throw new UsageError(
    `onnxruntime-node here is ${found}, and the pinned provider is ${providerVersion}: they must be ` +
      'equal. Install the version of onnxruntime-node that package-lock.json names (npm ci).',
  )
}

const licence = /^onnxruntime\/(LICENSE|ThirdPartyNotices\.txt)$/

/** The provider's two libraries, and the licences they come under. */
export function selectProvider(archivePath: string): string | null {
  const [, name = ''] = /^onnxruntime\/capi\/([^/]+)$/.exec(archivePath) ?? []
  if (providerFiles.some((file) => file === name)) return name
  const text = licence.exec(archivePath)?.[1]
  return text === undefined ? null : `licences/${text}`
}
