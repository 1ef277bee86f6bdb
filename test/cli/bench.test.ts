import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCommand } from '../support/run-command.ts'
import { type Served, serveModels } from '../support/served.ts'

describe('bench', () => {
  let served: Served
  before(async () => {
    served = await serveModels({ API_KEYS: 'сезам' })
  })
  after(() => served.stop())

  const bench = (...args: readonly string[]) =>
    runCommand(['bench', '--seconds', '1', ...args], {
      MODEL_REPOSITORY: served.repository,
      ENGINE: 'onnxruntime',
      API_KEY: 'сезам',
    })

  test('a row a number of clients, of a running server that wants a key in its script', async () => {
    const { code, stdout, stderr } = await bench('--url', `${served.origin}/`, '--clients', '1,3')
    assert.equal(code, 0, stderr)
    assert.match(stderr, /^resnet50 \(random weights\) at http:/)
    const [head = '', ...rows] = stdout.trimEnd().split('\n')
    assert.match(
      head,
      /CLIENTS\s+IMAGES\/S\s+P50 MS\s+P90\s+P99\s+DECODE\s+QUEUE\s+INFER\s+REFUSED/,
    )
    assert.deepEqual(
      rows.map((row) => row.trim().split(/\s+/)[0]),
      ['1', '3'],
    )
    for (const row of rows) assert.match(row, /^\s+\d+(\s+\d+\.\d){7}\s+0$/)
  })

  test('a service of its own, and a line of JSON for programs', async () => {
    const { code, stdout, stderr } = await bench('--model', 'resnet34', '--clients', '2', '--json')
    assert.equal(code, 0, stderr)
    assert.match(stderr, /^resnet34 /)
    const row = JSON.parse(stdout)
    assert.equal(row.clients, 2)
    assert.ok(row.answered > 0 && row.p50Ms <= row.p99Ms && row.inferMeanMs > 0, stdout)
    assert.deepEqual(row.failed, {})
  })

  test('requests that fail are counted by what went wrong, and the exit code says so', async (t) => {
    const answer = JSON.stringify({ model: 'x', version: '1', weights: 'custom', predictions: [] })
    let asked = 0
    const server = createServer((request, response) => {
      asked += 1
      request.resume()
      request.on('end', () => response.writeHead(asked === 1 ? 200 : 503).end(answer))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { code, stdout, stderr } = await bench('--url', url, '--clients', '2', '--seconds', '3')
    assert.equal(code, 1)
    assert.match(stderr, /^2 clients: \d+ requests failed \(503\)$/m)
    assert.match(stdout, /^\s+2\s+0\.0\s+-\s+-/m)
  })

  for (const [name, args, line] of [
    ['a server that is not there', ['--url', 'http://127.0.0.1:9'], /^no answer from/],
    ['a model that is not there', ['--model', 'nope'], /model nope is not in the repository/],
    [
      'a file that is no image',
      [fileURLToPath(import.meta.url)],
      /^the first image: The bytes are no/,
    ],
  ] as const) {
    test(`${name} is told in a line, without a stack`, async () => {
      const { code, stderr } = await bench(...args)
      assert.equal(code, 1)
      assert.match(stderr, line)
      assert.doesNotMatch(stderr, /\n {4}at /)
    })
  }

  test('no number of clients is a mistake of the command line', async () => {
    const { code, stderr } = await bench('--clients', '8,0')
    assert.equal(code, 2)
    assert.match(stderr, /expected a whole number from 1 to 4096/i)
  })
})
