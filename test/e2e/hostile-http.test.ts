// Bytes that no honest client sends, at a real server: each gets a refusal or a closed connection,
// never another's answer, and the server goes on.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { writeSmallModel } from '../support/known-images.ts'
import { type ServedProcess, startServed } from '../support/served-process.ts'

let server: ServedProcess
let repository = ''

before(async () => {
  repository = await mkdtemp(join(tmpdir(), 'resnet-serving-hostile-'))
  await writeSmallModel(repository, { name: 'small', seed: 7 })
  const environment = {
    DEFAULT_MODEL: 'small',
    REQUEST_TIMEOUT_MS: '2000',
    SESSIONS_PER_DEVICE: '1',
  }
  server = await startServed({ repository, environment })
})

after(async () => {
  assert.equal(await server.stop(), 0)
  await rm(repository, { recursive: true, force: true })
})

/** Everything that the server says to these bytes until it closes the connection or falls silent. */
async function say(bytes: string | Buffer, silenceMs = 3_500): Promise<string> {
  const { port, hostname } = new URL(server.origin)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  let heard = ''
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1')
  })
  await once(socket, 'connect')
  socket.write(bytes)
  socket.setTimeout(silenceMs, () => socket.destroy())
  await once(socket, 'close')
  return heard
}

/** Statuses of all answers in what was heard. */
const statuses = (heard: string) => [...heard.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code)

const post = 'POST /v1/classify HTTP/1.1\r\nHost: x\r\n'
const hidden = 'GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n'

/** What is sent; how many answers there may be at most; and the statuses they may have. */
const forms: readonly [string, string | Buffer, readonly string[]][] = [
  [
    'Content-Length and Transfer-Encoding',
    `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    ['400'],
  ],
  [
    'two Content-Lengths that differ',
    `${post}Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello${hidden}`,
    ['400'],
  ],
  ['two Content-Lengths in one', `${post}Content-Length: 5, 5\r\n\r\nhello${hidden}`, ['400']],
  ['a negative Content-Length', `${post}Content-Length: -5\r\n\r\nhello`, ['400']],
  [
    'a Content-Length of 2^64',
    `${post}Content-Length: 18446744073709551621\r\n\r\nhello`,
    ['400', '413'],
  ],
  ['a Content-Length with a plus', `${post}Content-Length: +5\r\n\r\nhello${hidden}`, ['400']],
  [
    'Transfer-Encoding that is no chunked',
    `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`,
    ['400'],
  ],
  [
    'chunked said twice over',
    `${post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`,
    ['400'],
  ],
  ['a header folded over lines', `${post}X-A: b\r\n Content-Length: 5\r\n\r\n`, ['400']],
  ['a space before the colon', `${post}Content-Length : 5\r\n\r\nhello${hidden}`, ['400']],
  ['lines that end with LF only', 'GET /health/live HTTP/1.1\nHost: x\n\n', ['400']],
  ['a NUL in a header', 'GET /health/live HTTP/1.1\r\nHost: x\r\nX-A: \0\r\n\r\n', ['400']],
  [
    'chunks with a lying length',
    `${post}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nx\r\n0\r\n\r\n`,
    ['400', '413'],
  ],
  [
    'chunks with a negative length',
    `${post}Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n`,
    ['400'],
  ],
  [
    'a chunk longer than it says',
    `${post}Transfer-Encoding: chunked\r\n\r\n2\r\nxxxxxx\r\n0\r\n\r\n${hidden}`,
    ['400'],
  ],
  [
    'chunk extensions without end',
    `${post}Transfer-Encoding: chunked\r\n\r\n1;${'a'.repeat(40_000)}\r\nx\r\n0\r\n\r\n`,
    ['413', '400'],
  ],
  [
    'headers of 100 KiB',
    `GET / HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(100_000)}\r\n\r\n`,
    ['431'],
  ],
  [
    'ten thousand headers',
    `GET /health/live HTTP/1.1\r\nHost: x\r\n${'a:b\r\n'.repeat(10_000)}\r\n`,
    ['431'],
  ],
  [
    'a path of 100 KiB',
    `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    ['431', '414', '400', '404'],
  ],
  ['an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', ['400']],
  ['a TLS hello', Buffer.from('16030100a5010000a10303', 'hex'), ['400']],
  ['bytes of nothing', Buffer.alloc(1_000, 0xfe), ['400']],
  ['TRACE', 'TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', ['404', '405', '400']],
  ['CONNECT', 'CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n', ['400', '404', '405']],
  [
    'a broken percent code',
    'GET /v1/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    ['400', '404'],
  ],
  [
    'a path that climbs',
    'GET /page/..%2f..%2fpackage.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    ['400', '403', '404'],
  ],
  ['no Host', 'GET /health/live HTTP/1.1\r\n\r\n', ['400']],
]

for (const [what, bytes, allowed] of forms) {
  test(`${what}: refused, and what follows on the connection is not answered`, async () => {
    const found = statuses(await say(bytes))
    assert.ok(found.length <= 1, `${found.length} answers: ${found}`)
    for (const status of found) assert.ok(allowed.includes(status ?? ''), `status ${status}`)
  })
}

const whole = (head: string, body: string | Buffer = '') =>
  Buffer.concat([
    Buffer.from(`${head}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`),
    Buffer.from(body),
  ])

test('pipelined requests are answered in their order', async () => {
  const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`
  const heard = await say(
    `${get('/health/live')}${get('/nothing')}${get('/health/live', 'Connection: close\r\n')}`,
  )
  assert.deepEqual(statuses(heard), ['200', '404', '200'])
})

test('a request id that would break a header or a log line is replaced', async () => {
  for (const id of ['a b', '"}{', 'x'.repeat(200), '<script>']) {
    const heard = await say(
      `GET /health/live HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${id}\r\nConnection: close\r\n\r\n`,
    )
    assert.match(heard, /x-request-id: [0-9a-f-]{36}\r\n/i, id)
  }
})

test('parameters out of range, doubled, or named after prototypes are bad parameters', async () => {
  for (const query of [
    'top_k=1e3',
    'top_k=NaN',
    'top_k=Infinity',
    'top_k=-1',
    'top_k=5&top_k=6',
    '__proto__=1',
    'constructor[prototype]=1',
    'model[]=small',
    'version=%00',
  ]) {
    const heard = await say(whole(`POST /v1/classify?${query} HTTP/1.1\r\nHost: x\r\n`, 'x'))
    assert.ok(['400', '404'].includes(statuses(heard)[0] ?? ''), `${query}: ${statuses(heard)}`)
  }
})

test('a compressed bomb is taken for what its bytes are, or refused: it is not inflated', async () => {
  const bomb = gzipSync(Buffer.alloc(100 * 2 ** 20))
  const before = await server.residentBytes()
  const heard = await say(whole(`${post}Content-Encoding: gzip\r\n`, bomb))
  assert.ok(['400', '413', '415', '422'].includes(statuses(heard)[0] ?? ''), statuses(heard).join())
  assert.ok((await server.residentBytes()) - before < 100 * 2 ** 20)
})

test('forms that do not end, do not begin, nest or have thousands of parts are refused', async () => {
  const form = `${post}Content-Type: multipart/form-data; boundary=b\r\n`
  const part = (name: string, body = 'x') =>
    `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${body}\r\n`
  const file = '--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nx\r\n'
  const bodies = [
    file, // no end
    `--c\r\n${'x'.repeat(1000)}`, // another boundary
    `${part('a').repeat(5_000)}--b--\r\n`,
    `${part('__proto__')}--b--\r\n`,
    `--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n`,
    '',
  ]
  for (const body of bodies) {
    const status = statuses(await say(whole(form, body)))[0] ?? ''
    assert.ok(
      ['400', '413', '415'].includes(status),
      `${JSON.stringify(body.slice(0, 40))}: ${status}`,
    )
  }
})

test('after all of that the server is the same process, ready, and had no internal error', async () => {
  assert.equal((await fetch(`${server.origin}/health/ready`)).status, 200)
  assert.equal(await server.metric('rejected_total', { reason: 'internal' }), 0)
  assert.equal(await server.metric('session_restarts_total'), 0)
})
