// `npm start`: builds where a source is newer than the last build, then serves in this very process.
// It is CommonJS and reads files synchronously for the reason that bin.cts gives: nothing may use
// libuv's threads before their number is set.
const { spawnSync } = require('node:child_process')
const { existsSync, readdirSync, statSync } = require('node:fs')
const { join } = require('node:path')

require('../refuse-old-node.cjs')(require('../../../package.json').engines.node)

const project = join(__dirname, '../../..')
/** The last file that a build writes. */
const built = join(project, 'dist/src/http/openapi.json')
const sources = ['src', 'openapi.yaml', 'package.json', 'package-lock.json', 'tsconfig.json']

/** Milliseconds since 1970 of the newest change below `path`. */
function newestMs(path) {
  const found = statSync(path)
  if (!found.isDirectory()) return found.mtimeMs
  // A folder's own time tells of files that were removed.
  return Math.max(found.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))))
}

function isBuilt() {
  const builtMs = statSync(built, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return sources.every((name) => newestMs(join(project, name)) < builtMs)
}

/** Says in one line what the build would say with a stack. */
function refuseWithoutCompiler() {
  if (existsSync(join(project, 'node_modules/typescript-native'))) return
  process.stderr.write(
    'what builds resnet-serving is not installed: run `npm ci --include=dev` ' +
      '(NODE_ENV=production and --omit=dev leave it out)\n',
  )
  process.exit(1)
}

if (!isBuilt()) {
  refuseWithoutCompiler()
  const build = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: project,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (build.status !== 0) process.exit(build.status ?? 1)
}
process.argv[1] = join(project, 'dist/src/cli/bin.cjs')
process.argv.splice(2, 0, 'serve')
// At a signal npm and its shell end, and hand none on to this process.
if (process.env.npm_lifecycle_event === 'start') process.argv.push('--end-with-parent')
require(process.argv[1])
