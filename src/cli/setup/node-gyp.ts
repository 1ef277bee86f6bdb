// Compiles a native addon with the node-gyp that every npm carries.
// https://github.com/nodejs/node-gyp#installation
import { execFile } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { UsageError } from '../../errors.ts'

const run = promisify(execFile)

export interface CompileOptions {
  /** The folder that holds binding.gyp; no space in its path, make cannot have one. */
  readonly folder: string
  /** `name=value` pairs for binding.gyp. */
  readonly variables: Readonly<Record<string, string>>
  /** Where Node's headers are, as node-gyp's --nodedir; found where it is not given. */
  readonly nodeFolder?: string | undefined
}

/** Far above the quarter of a minute that it takes. */
const compileMs = 600_000
const maxOutputBytes = 16 * 1024 * 1024
const shownLines = 15

/** @throws UsageError with the end of node-gyp's output */
export async function compileAddon(options: CompileOptions): Promise<void> {
  const nodeFolder = options.nodeFolder ?? findNodeFolder()
  const variables = Object.entries(options.variables).map(([name, value]) => `--${name}=${value}`)
  const headers = nodeFolder === undefined ? [] : [`--nodedir=${nodeFolder}`]
  try {
    await run(process.execPath, [findNodeGyp(), 'rebuild', ...headers, ...variables], {
      cwd: options.folder,
      timeout: compileMs,
      maxBuffer: maxOutputBytes,
    })
  } catch (error) {
    throw compileError(error as { stdout?: string; stderr?: string }, nodeFolder)
  }
}

function compileError(
  error: { readonly stdout?: string; readonly stderr?: string },
  nodeFolder: string | undefined,
): UsageError {
  const lines = `${error.stdout ?? ''}${error.stderr ?? ''}`.trimEnd().split('\n')
  const output = lines.slice(-shownLines).join('\n')
  const advice =
    nodeFolder === undefined
      ? ` No headers of Node were found beside ${process.execPath}, so node-gyp had to download ` +
        'them from nodejs.org. Where that cannot be reached, install a Node that brings them (the ' +
        'archives of nodejs.org, nvm and the official container images do; on Debian and Ubuntu ' +
        '`apt-get install libnode-dev`), or give their place: --nodedir FOLDER, where ' +
        'FOLDER/include/node/node_api.h exists.'
      : ` Node's headers were taken from ${nodeFolder}.`
  return new UsageError(
    `the binding could not be compiled.${advice} node-gyp ended with:\n${output}`,
    {
      cause: error,
    },
  )
}

/** The folder above `include/node`, if this Node came with its headers. */
function findNodeFolder(): string | undefined {
  const beside = resolve(dirname(realpathSync(process.execPath)), '..')
  const candidates = [process.env.npm_config_nodedir, beside, '/usr', '/usr/local']
  return candidates.find(
    (folder) =>
      folder !== undefined &&
      // node-gyp includes common.gypi; the binding includes node_api.h.
      ['node_api.h', 'common.gypi'].every((file) => existsSync(join(folder, 'include/node', file))),
  )
}

/** In the npm that runs this, else in the npm on the PATH, else beside this Node. */
function findNodeGyp(): string {
  const { npm_execpath: npmScript = '', PATH = '' } = process.env
  const npmCommands = PATH.split(delimiter).map((folder) => join(folder, 'npm'))
  const besideNode = join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js')
  for (const script of [npmScript, ...npmCommands, besideNode]) {
    if (!existsSync(script)) continue
    const found = join(dirname(realpathSync(script)), '../node_modules/node-gyp/bin/node-gyp.js')
    if (existsSync(found)) return found
  }
  throw new UsageError(
    'node-gyp, which compiles the binding, was not found: it is a part of npm. ' +
      'Install npm and run the command again.',
  )
}

interface Tool {
  /** What to look for on the PATH, any of these. */
  readonly commands: readonly string[]
  readonly name: string
}

const tools: readonly Tool[] = [
  { name: 'g++ (a C++17 compiler)', commands: [process.env.CXX || 'g++'] },
  { name: 'make', commands: [process.env.MAKE || 'make'] },
  { name: 'python3', commands: [process.env.npm_config_python || 'python3', 'python'] },
]

/** @throws UsageError that names what is missing and how to install it */
export async function requireCompiler(path: string = process.env.PATH ?? ''): Promise<void> {
  const found = await Promise.all(tools.map((tool) => isOnPath(tool, path)))
  const missing = tools.filter((_, index) => !found[index]).map(({ name }) => name)
  if (missing.length === 0) return
  throw new UsageError(
    `compiling the binding needs g++, make and python3; missing here: ${missing.join(', ')}. ` +
      'Install them and run the command again: `apt-get install g++ make python3` on Debian and ' +
      'Ubuntu, `dnf install gcc-c++ make python3` on Fedora and its kin.',
  )
}

async function isOnPath({ commands }: Tool, path: string): Promise<boolean> {
  const files = commands.flatMap((command) =>
    command.includes('/')
      ? [command]
      : path.split(delimiter).map((folder) => join(folder, command)),
  )
  const found = await Promise.all(
    files.map((file) =>
      access(file).then(
        () => true,
        () => false,
      ),
    ),
  )
  return found.includes(true)
}
