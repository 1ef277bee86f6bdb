// `setup-openvino`: gets OpenVINO's libraries for the openvino engine out of its Python package. No
// Python is needed, and nothing is installed outside the engines folder.
import { Command } from 'commander'
import { findInstalledLibrary } from '../../engines/openvino/find-library.ts'
import { openvinoEngine } from '../../engines/openvino/openvino-engine.ts'
import { isSupported, pinnedVersion } from '../../engines/openvino/versions.ts'
import { UsageError } from '../../errors.ts'
import { inOneLine } from '../one-line.ts'
import { installPackage, type SetupOptions } from './install-package.ts'
import type { Wheel } from './pypi-wheel.ts'

/** By platform and processor; any Python's file does, the libraries in them are the same. */
const wheels: Readonly<Record<string, Wheel>> = {
  'linux-x64': {
    filename: 'openvino-2026.4.1-22982-cp312-cp312-manylinux_2_28_x86_64.whl',
    sha256: '6b4375c17ddcac83a5180349e2e2bb811185c261066e2a920659892d58ef0e3b',
    sizeBytes: 59_144_434,
  },
  'linux-arm64': {
    filename: 'openvino-2026.4.1-22982-cp312-cp312-manylinux_2_35_aarch64.whl',
    sha256: '82efccb2f9f1bdc7e5a1996e05a3b719ebff9232dd54b44150d6d2e983a86b7d',
    sizeBytes: 30_332_437,
  },
  'darwin-arm64': {
    filename: 'openvino-2026.4.1-22982-cp312-cp312-macosx_11_0_arm64.whl',
    sha256: '726ac547b8474a5e7b145bc1ae5a8bb6fbcbb60b79bd9a611c67eec2c74b7a5f',
    sizeBytes: 33_341_733,
  },
  'win32-x64': {
    filename: 'openvino-2026.4.1-22982-cp312-cp312-win_amd64.whl',
    sha256: '4e04316abff1b99e29b8cbd38deaef9bde4739eba216d982d4b3981e456ecd87',
    sizeBytes: 84_964_415,
  },
}

/**
 * The C interface, the core, the CPU's plugin, the readers of SavedModels, ONNX and of compiled
 * models (which are OpenVINO's own format inside), and the threads they run on.
 */
const libraries =
  /^(lib)?(openvino|openvino_c|openvino_(intel|arm)_cpu_plugin|openvino_(tensorflow|onnx|ir)_frontend|tbb\d*|tbbmalloc|tbbbind_\d_\d|hwloc)((\.\d+)*\.dylib|\.so(\.\d+)*|\.dll)$/

export function setupOpenvinoCommand(): Command {
  return new Command('setup-openvino')
    .description(
      `get OpenVINO ${pinnedVersion} for the openvino engine: libraries from its Python package, ` +
        'unless one is installed already',
    )
    .option('--wheel <file>', 'the package, if it is on this machine already')
    .option('--force', 'install again even if one is there')
    .action(inOneLine(setupOpenvino))
}

/** @throws UsageError with what is missing or went wrong, and what to do */
async function setupOpenvino(options: SetupOptions): Promise<void> {
  const say = (line: string) => process.stderr.write(`${line}\n`)
  if (!options.force && findInstalledLibrary() !== null && (await reportInstalled(say))) return
  const wheel = chooseWheel(process)
  say(`OpenVINO ${pinnedVersion}, a package of ${Math.round(wheel.sizeBytes / 1e6)} MB`)
  const { folder, installed } = await installPackage(
    { engine: 'openvino', version: pinnedVersion, wheel, select: selectLibrary },
    options,
    { title: `openvino ${pinnedVersion}`, say },
  )
  await requireWorking()
  say(installed ? `Installed in ${folder}` : `Already installed in ${folder}, and intact`)
}

/** Whether an OpenVINO that somebody installed on this system will do. */
async function reportInstalled(say: (line: string) => void): Promise<boolean> {
  const found = await openvinoEngine.probe()
  if (!found.available) return false
  say(`OpenVINO ${found.version} is installed already (${findInstalledLibrary()})`)
  return isSupported(found.version)
}

async function requireWorking(): Promise<void> {
  const found = await openvinoEngine.probe()
  if (!found.available) throw new UsageError(found.reason)
}

/** @throws UsageError where OpenVINO publishes nothing for this platform */
export function chooseWheel({
  platform,
  arch,
}: {
  readonly platform: string
  readonly arch: string
}): Wheel {
  const wheel = wheels[`${platform}-${arch}`]
  if (wheel === undefined) {
    throw new UsageError(
      `OpenVINO publishes no package for ${platform}-${arch}; there is one for ` +
        `${Object.keys(wheels).join(', ')}. Use ENGINE=onnxruntime`,
    )
  }
  if (platform === 'linux' && !hasGlibc()) {
    throw new UsageError(
      'OpenVINO is built for glibc, and this Linux has another C library (Alpine has musl): use ' +
        'an image such as node:24-bookworm-slim, or ENGINE=onnxruntime',
    )
  }
  return wheel
}

function hasGlibc(): boolean {
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  return header?.glibcVersionRuntime !== undefined
}

const licence = /^openvino-[^/]+\.dist-info\/licenses\/(?:licensing\/)?([^/]+)$/

/** The libraries, side by side as they must be, and the licences they come under. */
export function selectLibrary(archivePath: string): string | null {
  const [, name = ''] = /^openvino\/libs\/([^/]+)$/.exec(archivePath) ?? []
  if (libraries.test(name)) return name
  const text = licence.exec(archivePath)?.[1]
  return text === undefined ? null : `licences/${text}`
}
