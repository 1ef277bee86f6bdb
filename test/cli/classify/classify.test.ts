import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { photograph, photographs } from '../../support/photographs.ts'
import { runCommand } from '../../support/run-command.ts'
import { serveModels, writeRepository } from '../../support/served.ts'
import { tempFolder } from '../../support/temp-folder.ts'

let environment: Record<string, string>

before(async () => {
  environment = { ENGINE: 'onnxruntime', MODEL_REPOSITORY: await writeRepository() }
})
after(() => rm(environment.MODEL_REPOSITORY ?? '', { recursive: true }))

interface Line {
  readonly file: string
  readonly results?: { model: string; weights: string; predictions: { label: string }[] }[]
  readonly error?: { code: string; detail: string }
}

const linesOf = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)

test('files and folders are classified without a server, in order, as a table', async (t) => {
  const folder = await tempFolder(t, {
    'single.jpg': (await photograph('')).buffer,
    'album/b.jpg': (await photograph('', 2)).buffer,
    'album/deeper/a.PNG': (await photograph('', 3)).buffer,
    'album/notes.txt': 'no picture',
  })
  const { code, stdout, stderr } = await runCommand(
    ['classify', '--top-k', '1', join(folder, 'single.jpg'), join(folder, 'album')],
    environment,
  )
  assert.equal(code, 0, stderr)
  const [heading, ...rows] = stdout.trimEnd().split('\n')
  assert.match(heading ?? '', /^FILE +MODEL +CLASS +PERCENT$/)
  assert.deepEqual(
    rows.map((row) => /(\S+) +resnet50 .* \d+\.\d$/.exec(row)?.[1]?.split('/').at(-1)),
    ['single.jpg', 'b.jpg', 'a.PNG'],
  )
  assert.match(stderr, /resnet50 has random weights: its answers mean nothing/)
})

test('of a folder only files are taken, each once, and a name is shown as text', async (t) => {
  const folder = await tempFolder(t, {
    'album/red\x1b[31m.jpg': (await photograph('')).buffer,
    'album/folder.jpg/readme.txt': '',
    'elsewhere.jpg': (await photograph('', 2)).buffer,
  })
  const album = join(folder, 'album')
  await symlink('.', join(album, 'loop'))
  await symlink('../elsewhere.jpg', join(album, 'link.jpg'))
  execFileSync('mkfifo', [join(album, 'pipe.jpg')])
  const { code, stdout, stderr } = await runCommand(
    ['classify', '--top-k', '1', album],
    environment,
  )
  assert.equal(code, 0, stderr)
  const [, ...rows] = stdout.trimEnd().split('\n')
  assert.equal(rows.length, 2, stdout)
  assert.match(rows[0] ?? '', /link\.jpg/)
  assert.match(rows[1] ?? '', /red\\x1b\[31m\.jpg/)
  assert.ok(!stdout.includes('\x1b'))
})

test('--json prints a line an image, and a file that fails does not spoil the others', async (t) => {
  const folder = await tempFolder(t, {
    'good.jpg': (await photograph('')).buffer,
    'bad.jpg': 'not an image',
  })
  const files = ['bad.jpg', 'absent.jpg', 'good.jpg'].map((name) => join(folder, name))
  const { code, stdout } = await runCommand(
    ['classify', '--json', '--model', 'resnet34,resnet50', ...files],
    environment,
  )
  assert.equal(code, 1)
  const [bad, absent, good] = linesOf(stdout)
  assert.equal(bad?.error?.code, 'unsupported_image_format')
  assert.deepEqual(absent?.error, { code: 'unreadable', detail: 'there is no such file' })
  assert.deepEqual(
    good?.results?.map(({ model }) => model),
    ['resnet34', 'resnet50'],
  )
  assert.equal(good?.results?.[0]?.predictions.length, 3)
})

test('--url asks a server, which answers the same, and waits when it asks for patience', async (t) => {
  const served = await serveModels({ API_KEYS: 'ключ', MAX_QUEUE_SIZE: '1', MAX_BATCH_SIZE: '1' })
  t.after(served.stop)
  const pictures = await photographs(12)
  const folder = await tempFolder(
    t,
    Object.fromEntries(pictures.map(({ name, buffer }) => [name, buffer])),
  )
  const here = await runCommand(['classify', '--json', folder], {
    ENGINE: 'onnxruntime',
    MODEL_REPOSITORY: served.repository,
  })
  const args = ['classify', '--json', '--url', served.origin, '--api-key', 'ключ', folder]
  const there = await runCommand(args)
  assert.equal(there.code, 0, there.stderr)
  const best = (stdout: string) =>
    linesOf(stdout).map(({ file, results }) => [file, results?.[0]?.predictions[0]?.label])
  assert.deepEqual(best(there.stdout), best(here.stdout))
  const refused = await runCommand(['classify', '--url', served.origin, folder])
  assert.equal(refused.code, 1)
  assert.match(
    refused.stderr,
    /^the request brings no key.*--api-key, or the variable API_KEY\)\n$/,
  )
})

test('what is wrong with the command line is one line that says what to do', async (t) => {
  const folder = await tempFolder(t, {
    'a.jpg': (await photograph('')).buffer,
    'empty/readme.txt': '',
  })
  const image = join(folder, 'a.jpg')
  const cases: [readonly string[], number, RegExp][] = [
    [['--url', 'ftp://x', image], 1, /^--url is "ftp:\/\/x"; expected an http or https address\n$/],
    [
      ['--url', 'http://127.0.0.1:9', image],
      1,
      /^no answer from .*is the server running there\?\n$/,
    ],
    [
      ['--model', 'nope', image],
      1,
      /nope is not in the repository; it holds resnet34, resnet50\n$/,
    ],
    [['--top-k', '0', image], 2, /Expected a whole number from 1 to 1000/],
    [[join(folder, 'empty')], 1, /holds no picture/],
    [[], 2, /missing required argument 'files'/],
  ]
  for (const [args, code, message] of cases) {
    const result = await runCommand(['classify', ...args], environment)
    assert.match(result.stderr, message)
    assert.equal(result.code, code)
    assert.doesNotMatch(result.stderr, /\n {4}at /)
  }
})
