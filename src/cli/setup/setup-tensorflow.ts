// `setup-tensorflow`: gives @tensorflow/tfjs-node-gpu a current TensorFlow. The libraries and
// headers come out of the Python package, and the npm package's own binding is compiled against them.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Command } from 'commander'
import {
  bindingFile,
  bindingNapiVersion,
  engineName,
  librariesFolder,
} from '../../engines/tensorflow/installation.ts'
import { packageFile, packageName } from '../../engines/tensorflow/library.ts'
import { UsageError } from '../../errors.ts'
import { sha256Of } from '../download.ts'
import { installWheel } from './install-wheel.ts'
import { compileAddon, requireCompiler } from './node-gyp.ts'
import type { Wheel } from './pypi-wheel.ts'
import type { UnpackedFile } from './unpack-wheel.ts'

const run = promisify(execFile)

const version = '2.21.0'

/** By package and processor; any Python's file does, the libraries in them are the same. */
const wheels: Readonly<Record<string, Readonly<Record<string, Wheel>>>> = {
  'tensorflow-cpu': {
    x64: {
      filename: 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
      sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
      sizeBytes: 273_829_956,
    },
    // For ARM there is one build, without CUDA, under the full package's name.
    arm64: {
      filename: 'tensorflow-2.21.0-cp311-cp311-manylinux_2_27_aarch64.whl',
      sha256: '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
      sizeBytes: 281_828_020,
    },
  },
  tensorflow: {
    x64: {
      filename: 'tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
      sha256: '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
      sizeBytes: 572_440_367,
    },
  },
}

interface SetupOptions {
  readonly package?: string
  readonly gpu?: boolean
  readonly wheel?: string
  readonly nodedir?: string
  readonly force?: boolean
}

export function setupTensorflowCommand(): Command {
  return new Command('setup-tensorflow')
    .description(
      `install TensorFlow ${version} for the tensorflow engine: libraries from the Python package, ` +
        `and the binding of ${packageName} compiled against them (needs g++, make, python3)`,
    )
    .option('--gpu', 'the build with CUDA kernels; the default where there is an NVIDIA GPU')
    .option('--package <name>', `the Python package: ${Object.keys(wheels).join(' or ')}`)
    .option('--wheel <file>', 'the package, if it is on this machine already')
    .option('--nodedir <folder>', "where Node's headers are: the folder above include/node")
    .option('--force', 'install again even if what is there is intact')
    .action(setupTensorflow)
}

/** @throws UsageError with what is missing or went wrong, and what to do */
export async function setupTensorflow(options: SetupOptions): Promise<void> {
  const started = performance.now()
  const say = (line: string) => process.stderr.write(`${line}\n`)
  const { name, wheel } = chooseWheel(options)
  const source = requirePackage()
  await requireCompiler()
  say(`TensorFlow ${version} from ${name}: ${megabytes(wheel.sizeBytes)} to download`)
  const { folder, installed } = await installWheel(
    {
      engine: engineName,
      version,
      wheel,
      select: selectFile,
      finish: async (content, unpacked) => {
        say(`Compiling the binding of ${packageName}`)
        const binding = await compileBinding({ content, source, nodeFolder: options.nodedir })
        const libraries = unpacked.filter(({ path }) => path.startsWith(librariesFolder))
        return { files: [...libraries, binding], built: await describeBuild(source) }
      },
    },
    {
      say,
      force: options.force ?? false,
      ...(options.wheel === undefined ? {} : { wheelFile: options.wheel }),
    },
  )
  say(
    installed
      ? `Installed in ${folder} in ${Math.round((performance.now() - started) / 1000)} s`
      : `Already installed in ${folder}, and intact`,
  )
}

function chooseWheel({ package: wanted, gpu }: SetupOptions): { name: string; wheel: Wheel } {
  const { platform, arch } = process
  if (platform !== 'linux') {
    throw new UsageError(
      `TensorFlow's libraries come from its Linux packages, and this is ${platform}: use ` +
        'ENGINE=onnxruntime, or run the service in a Linux container',
    )
  }
  if (!hasGlibc()) {
    throw new UsageError(
      'TensorFlow is built for glibc 2.27 or later, and this Linux has another C library (Alpine ' +
        'has musl): use an image such as node:24-bookworm-slim',
    )
  }
  const name = wanted ?? (gpu || (arch === 'x64' && hasGpu()) ? 'tensorflow' : 'tensorflow-cpu')
  const wheel = wheels[name]?.[arch]
  if (wheel !== undefined) return { name, wheel }
  const known = Object.entries(wheels).flatMap(([each, byArch]) =>
    Object.keys(byArch).map((processor) => `${each} (${processor})`),
  )
  throw new UsageError(`there is no package "${name}" for ${arch}; there is ${known.join(', ')}`)
}

function hasGlibc(): boolean {
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  return header?.glibcVersionRuntime !== undefined
}

/** The NVIDIA driver's own file, which is in containers that were given a GPU, too. */
function hasGpu(): boolean {
  return existsSync('/proc/driver/nvidia/version')
}

/** @returns the folder of the npm package */
function requirePackage(): string {
  try {
    return dirname(packageFile())
  } catch (error) {
    throw new UsageError(
      `${packageName} is not installed: run \`npm ci\` without leaving out optional packages`,
      { cause: error },
    )
  }
}

const headers =
  /^tensorflow\/(include\/(tensorflow\/c\/|tensorflow\/core\/platform\/|(xla\/)?tsl\/(c|platform)\/).*\.h)$/
const libraries = /^tensorflow\/(libtensorflow_(cc|framework)\.so\.2)$/

/** Libraries and the headers of the C interface, as the npm package lays them out. */
function selectFile(archivePath: string): string | null {
  const library = libraries.exec(archivePath)?.[1]
  if (library !== undefined) return `${librariesFolder}/${library}`
  const header = headers.exec(archivePath)?.[1]
  return header === undefined ? null : `deps/${header}`
}

/** @returns the binding, the only thing that is left of the compilation */
async function compileBinding(options: {
  readonly content: string
  readonly source: string
  readonly nodeFolder: string | undefined
}): Promise<UnpackedFile> {
  const { content, source, nodeFolder } = options
  const sources = ['binding', 'binding.gyp', 'package.json']
  for (const name of sources) await cp(join(source, name), join(content, name), { recursive: true })
  // The names that the binding is linked with; it remembers those of the files behind them.
  const links = { 'libtensorflow.so': 'cc', 'libtensorflow_framework.so': 'framework' }
  for (const [link, library] of Object.entries(links)) {
    await symlink(`libtensorflow_${library}.so.2`, join(content, librariesFolder, link))
  }
  const target = join(content, bindingFile)
  await compileAddon({
    folder: content,
    nodeFolder,
    variables: {
      module_name: 'tfjs_binding',
      module_path: dirname(target),
      napi_version: process.versions.napi ?? String(bindingNapiVersion),
      napi_build_version: String(bindingNapiVersion),
    },
  })
  if (!existsSync(target)) {
    await rename(join(content, 'build/Release', basename(target)), target)
  }
  await requireWorking(target)
  const leftovers = [...sources, 'build', 'deps/include']
  const linked = Object.keys(links).map((link) => join(librariesFolder, link))
  for (const name of [...leftovers, ...linked]) {
    await rm(join(content, name), { recursive: true, force: true })
  }
  const { size } = await stat(target)
  return { path: bindingFile, sizeBytes: size, sha256: await sha256Of(target) }
}

async function describeBuild(source: string): Promise<Record<string, string>> {
  const { version } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8'))
  return {
    [packageName]: String(version),
    node: process.version,
    nodeApi: String(bindingNapiVersion),
    platform: `${process.platform}-${process.arch}`,
  }
}

/** Loads it, in a process of its own: a library too new for this system shows here, not in service. */
async function requireWorking(binding: string): Promise<void> {
  const script =
    'const addon = { exports: {} }; process.dlopen(addon, process.argv[1]); ' +
    'process.stdout.write(addon.exports.TF_Version)'
  const { stdout } = await run(process.execPath, ['-e', script, binding]).catch((error) => {
    throw new UsageError(`the compiled binding does not load: ${error.stderr ?? error.message}`)
  })
  if (stdout !== version) {
    throw new UsageError(`the compiled binding loads TensorFlow ${stdout}, expected ${version}`)
  }
}

function megabytes(sizeBytes: number): string {
  return `${Math.round(sizeBytes / 1e6)} MB`
}
