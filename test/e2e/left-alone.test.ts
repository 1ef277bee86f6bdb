// A service does not outlive what it was started for: `npm start`, `npx`, `bench`, a terminal's window.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isNpmCommand } from '../../src/cli/orphan-watch.ts'
import { isAlive } from '../support/is-alive.ts'
import { writeSmallModel } from '../support/known-images.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { until } from '../support/test-pool.ts'

const project = fileURLToPath(new URL('../../../', import.meta.url))
const program = join(project, 'dist/src/cli/bin.cjs')
const noScript =
  process.platform === 'linux' && spawnSync('script', ['--version']).status === 0
    ? false
    : 'needs the program script of util-linux (Debian: bsdutils)'

let repository: string
before(async () => {
  repository = await mkdtemp(join(tmpdir(), 'resnet-serving-left-'))
  await writeSmallModel(repository, { name: 'small', seed: 3 })
})
after(() => rm(repository, { recursive: true, force: true }))

/** What `command` writes until it and everything that shares its output have ended. */
function run(t: TestContext, [command = '', ...args]: readonly string[]) {
  const settings = { PORT: '0', ENGINE: 'onnxruntime', SESSIONS_PER_DEVICE: '1' }
  const child = spawn(command, args, {
    env: {
      ...process.env,
      ...settings,
      MODEL_REPOSITORY: repository,
      npm_lifecycle_event: 'start',
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
    })
  }
  return { child, text: () => text, closed: once(child, 'close') }
}

async function childrenOf({ pid }: ChildProcess): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.trim().split(' ').filter(Boolean).map(Number)
}

async function untilGone(pids: readonly number[]): Promise<void> {
  for (const pid of pids) await until(() => !isAlive(pid))
}

test('npm start: the server drains when the shell that npm puts before it is gone', async (t) => {
  // dash stays as the parent where something follows; npm hands its signals to the shell alone.
  const line = `"${process.execPath}" "${join(project, 'src/cli/project/start.cjs')}"; true`
  const { child, text, closed } = run(t, ['sh', '-c', line])
  await until(() => /"listening"/.test(text()))
  child.kill('SIGTERM')
  await closed
  assert.match(text(), /"draining"/)
  assert.match(text(), /"stopped"/)
  assert.doesNotMatch(text(), /"level":[456]0/)
})

test('what a build makes is a program, also where a link to it is older', () => {
  accessSync(program, constants.X_OK)
})

test('npx resnet-serving serve: the server drains when npx is ended', async (t) => {
  // Without --no npx would ask the registry where the clone is not built.
  const { child, text, closed } = run(t, ['npx', '--no', 'resnet-serving', 'serve'])
  await until(() => /"listening"/.test(text()))
  child.kill('SIGTERM') // at SIGINT, which a terminal sends to everyone, npx itself waits for the server
  await closed
  assert.match(text(), /"draining"[\s\S]*"stopped"/)
  assert.doesNotMatch(text(), /"level":[456]0/)
})

test('a script of a package.json that only serves is known, one that does more is not', () => {
  const known = [
    "'resnet-serving'",
    'resnet-serving serve --port 9000',
    'PORT=1 resnet-serving serve',
  ]
  for (const script of known) assert.ok(isNpmCommand({ npm_lifecycle_script: script }), script)
  const others = ['resnet-serving serve & sleep 1', 'node dist/src/cli/bin.cjs serve', 'vitest', '']
  for (const script of others) assert.ok(!isNpmCommand({ npm_lifecycle_script: script }), script)
  assert.ok(!isNpmCommand({}))
})

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'] as const) {
  test(`bench: its own server ends with it at ${signal}`, async (t) => {
    const args = [program, 'bench', '--seconds', '600', '--clients', '1', '--model', 'small']
    const { child, text, closed } = run(t, [process.execPath, ...args])
    await until(() => /CLIENTS/.test(text()))
    const servers = await childrenOf(child)
    assert.equal(servers.length, 1)
    child.kill(signal)
    assert.deepEqual(await closed, [null, signal])
    await untilGone(servers)
  })
}

test('a server that was started in a terminal drains when its window is closed', {
  skip: noScript,
}, async (t) => {
  const log = join(await tempFolder(t), 'log')
  const line = `echo "pid $$."; exec "${process.execPath}" "${program}" serve > "${log}"`
  const terminal = run(t, ['script', '--quiet', '--command', line, '/dev/null'])
  await until(() => existsSync(log) && /"listening"/.test(readFileSync(log, 'utf8')))
  const server = Number(/pid (\d+)\./.exec(terminal.text())?.[1])
  terminal.child.kill('SIGKILL')
  await untilGone([server])
  assert.match(readFileSync(log, 'utf8'), /"signal":"SIGHUP".*"draining"[\s\S]*"stopped"/)
})
