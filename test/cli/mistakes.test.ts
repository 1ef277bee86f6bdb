import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { writeSmallModel } from '../support/known-images.ts'
import { runCommand } from '../support/run-command.ts'
import { tempFolder } from '../support/temp-folder.ts'

const project = fileURLToPath(new URL('../../../', import.meta.url))
const program = fileURLToPath(new URL('../../src/cli/bin.cjs', import.meta.url))

/** A port of this machine in use until the test ends. */
async function takenPort(t: test.TestContext): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as { port: number }).port
}

test('a port in use is told before anything is built or loaded', async (t) => {
  const port = await takenPort(t)
  const args = ['serve', '--port', String(port), '--model-repository', '/nowhere/models']
  const { code, stderr } = await runCommand(args)
  assert.equal(code, 1)
  assert.match(stderr, new RegExp(`^port ${port} of 127.0.0.1 is in use .* --port ${port + 1}\n$`))
})

test('so is one of metrics, by its own flag; and that it is the same as the other', async (t) => {
  const port = await takenPort(t)
  const args = ['serve', '--port', '0', '--metrics-port', String(port)]
  const { code, stderr } = await runCommand(args)
  assert.equal(code, 1)
  assert.match(stderr, new RegExp(`^port ${port} .* is in use .*: --metrics-port ${port + 1}\n$`))
  const same = await runCommand(['serve', '--port', '9000', '--metrics-port', '9000'])
  assert.equal(same.code, 2)
  assert.match(same.stderr, /^METRICS_PORT is 9000, as PORT is[^\n]*\n$/)
})

test('a user mistake is one line without a stack, and its exit code says whose it was', async () => {
  const cases: [readonly string[], number, RegExp][] = [
    [['serve', '--prot', '1'], 2, /unknown option '--prot'\n\(Did you mean --port\?\)\n$/],
    [['serv'], 2, /unknown command 'serv'\n\(Did you mean serve\?\)\n$/],
    [['serve', '--port', 'x'], 2, /^PORT is "x": not a whole number; expected a whole number from/],
    [['serve', '--engine', 'fast'], 2, /^ENGINE is "fast": unknown; expected one of auto/],
    [['serve', '--host', '203.0.113.1'], 1, /^this machine has no address 203\.0\.113\.1;/],
    [['serve', '--port', '0', '--model-repository', '/dev/null/x'], 1, /\/dev\/null\/x/],
    [['health', '--url', 'http://127.0.0.1:9'], 1, /^no answer from .*is the server running/],
    [
      ['health', '--url', 'nonsense'],
      2,
      /^--url is "nonsense"; expected an http or https address\n$/,
    ],
    [
      ['bench', '--url', 'nonsense'],
      2,
      /^--url is "nonsense"; expected an http or https address\n$/,
    ],
    [['models', 'list', '--output', '/nowhere'], 1, /^model repository \/nowhere/],
    [['models', 'build', 'resnet50', '--from', '/nowhere'], 1, /^\/nowhere cannot be read/],
  ]
  for (const [args, code, message] of cases) {
    const result = await runCommand(args, { MODEL_SOURCE: 'none' })
    assert.match(result.stderr, message)
    assert.equal(result.code, code, args.join(' '))
    assert.doesNotMatch(result.stderr, /\n {4}at /)
  }
})

test('a reader that has seen enough ends the program quietly', async () => {
  const child = spawn('bash', ['-c', `"${process.execPath}" "${program}" serve --help | head -1`])
  let stderr = ''
  child.stderr.on('data', (text) => {
    stderr += text
  })
  await once(child, 'close')
  assert.equal(stderr, '')
})

const noFullDevice = existsSync('/dev/full') ? false : 'needs /dev/full, which Linux has'

test('results that find no room are a failure, told in one line', { skip: noFullDevice }, () => {
  const { status, stderr } = runShell(`"${process.execPath}" "${program}" --help > /dev/full`)
  assert.match(stderr, /^standard output: ENOSPC[^\n]*\n$/)
  assert.equal(status, 1)
})

/** Twice what the program itself takes, and less than what V8 reserves for a memory of WebAssembly. */
const fewAddresses = `ulimit -v 8000000; exec "${process.execPath}"`
/** Newer ones (Node 24) do without where there is no room. */
const reservesAddresses =
  runShell(`${fewAddresses} -e "new WebAssembly.Memory({ initial: 1 })"`).status !== 0

test('a limit of addresses that images cannot be resized in is told in one line', {
  skip: reservesAddresses ? false : 'this V8 reserves no addresses for WebAssembly',
}, async (t) => {
  const repository = await tempFolder(t)
  await writeSmallModel(repository, { name: 'small', seed: 1 })
  const line = `${fewAddresses} "${program}" serve --port 0`
  const { status, stderr } = runShell(`${line} --model-repository "${repository}"`)
  assert.match(stderr, /^images cannot be resized here [^\n]*ulimit -v[^\n]*\n$/)
  assert.equal(status, 1)
})

test('a Node that is too old is told in one line', async (t) => {
  const old = "Object.defineProperty(process.versions, 'node', { value: '20.8.1' })"
  const preload = join(await tempFolder(t, { 'old.cjs': old }), 'old.cjs')
  for (const entry of [program, join(project, 'src/cli/project/start.cjs')]) {
    const { status, stderr } = runShell(`"${process.execPath}" -r "${preload}" "${entry}" --help`)
    assert.equal(
      stderr,
      'this is Node 20.8.1, and resnet-serving needs 20.9.0 or later: https://nodejs.org/\n',
    )
    assert.equal(status, 1)
  }
})

test('an installation without what builds is told in one line', async (t) => {
  const folder = await tempFolder(t)
  const start = 'src/cli/project/start.cjs'
  const others = ['src/cli/refuse-old-node.cjs', 'openapi.yaml', 'tsconfig.json']
  for (const name of [start, ...others, 'package.json', 'package-lock.json']) {
    await cp(join(project, name), join(folder, name))
  }
  const { status, stderr } = runShell(`"${process.execPath}" "${join(folder, start)}"`)
  assert.match(
    stderr,
    /^what builds resnet-serving is not installed: run `npm ci --include=dev` .*\n$/,
  )
  assert.equal(status, 1)
})

function runShell(line: string) {
  return spawnSync('bash', ['-c', line], { encoding: 'utf8', timeout: 60_000 })
}

test('every command has help with an example or its exit codes', async () => {
  const { stdout } = await runCommand(['--help'])
  const commands = [...stdout.matchAll(/^ {2}([a-z-]+) (?=.*\S)/gm)].map(([, name]) => name ?? '')
  assert.ok(commands.includes('classify') && commands.includes('doctor'), stdout)
  for (const command of ['serve', 'classify', 'doctor', 'health']) {
    const { stdout: help, code } = await runCommand([command, '--help'])
    assert.equal(code, 0)
    assert.match(help, /Example|Exit code/, command)
  }
})

test('nothing is coloured in a pipe', async () => {
  const { stdout, stderr } = await runCommand(['doctor'], { FORCE_COLOR: '1' })
  assert.equal(`${stdout}${stderr}`.includes('\x1b['), false)
})
