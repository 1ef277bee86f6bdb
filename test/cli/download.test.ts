import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type Download, download } from '../../src/cli/download.ts'
import {
  closedPort,
  cutAfter,
  type FileServer,
  serveFile,
  silent,
  status,
  whole,
} from '../support/file-server.ts'
import { tempFolder } from '../support/temp-folder.ts'

const file = Buffer.alloc(300_000, 'a file that is worth its download. ')
const sha256 = createHash('sha256').update(file).digest('hex')

async function downloadOf(
  t: TestContext,
  server: Pick<FileServer, 'url'>,
  changes: Partial<Download> = {},
) {
  const folder = await tempFolder(t)
  const target = join(folder, 'file')
  const options: Download = {
    url: new URL('/some/file', server.url),
    sha256,
    target,
    maxBytes: 1_000_000,
    ...changes,
  }
  return { folder, target, run: () => download(options) }
}

test('a file arrives whole, under its name only when it is right', async (t) => {
  const server = await serveFile(t, whole(file))
  const seen: [number, number | null][] = []
  const { folder, target, run } = await downloadOf(t, server, {
    onProgress: (received, total) => seen.push([received, total]),
  })
  await run()
  assert.deepEqual(await readFile(target), file)
  assert.deepEqual(await readdir(folder), ['file'])
  assert.deepEqual(seen[0], [0, file.byteLength])
  assert.deepEqual(seen.at(-1), [file.byteLength, file.byteLength])
})

test('what an earlier run left is continued, not fetched again', async (t) => {
  const server = await serveFile(t, whole(file))
  const { target, run } = await downloadOf(t, server)
  await writeFile(`${target}.part`, file.subarray(0, 100_000))
  await run()
  assert.deepEqual(await readFile(target), file)
  assert.deepEqual(server.requests, [{ path: '/some/file', range: 'bytes=100000-' }])
})

test('a whole file that was not yet checked is only checked', async (t) => {
  const server = await serveFile(t, whole(file))
  const { target, run } = await downloadOf(t, server)
  await writeFile(`${target}.part`, file)
  await run()
  assert.deepEqual(await readFile(target), file)
})

test('a connection that breaks in the middle is taken up again', async (t) => {
  const server = await serveFile(t, cutAfter(50_000, file), whole(file))
  const { target, run } = await downloadOf(t, server)
  await run()
  assert.deepEqual(await readFile(target), file)
  assert.equal(server.requests.length, 2)
  assert.match(server.requests[1]?.range ?? '', /^bytes=[1-9]\d*-$/)
})

test('a server without ranges sends the file from its beginning', async (t) => {
  const server = await serveFile(t, (_, response) => response.end(file))
  const { target, run } = await downloadOf(t, server)
  await writeFile(`${target}.part`, 'the beginning of something else')
  await run()
  assert.deepEqual(await readFile(target), file)
})

test('a wrong remainder is thrown away and the file fetched once more', async (t) => {
  const server = await serveFile(t, whole(file))
  const { target, run } = await downloadOf(t, server)
  await writeFile(`${target}.part`, Buffer.alloc(1000, 'of another file'))
  await run()
  assert.deepEqual(await readFile(target), file)
})

test('a wrong file is named by its checksum and thrown away', async (t) => {
  const server = await serveFile(t, whole(Buffer.from('another file')))
  const { folder, run } = await downloadOf(t, server)
  await assert.rejects(run(), {
    name: 'DownloadError',
    message: new RegExp(`file expected: its SHA-256 is [0-9a-f]{64}, expected ${sha256}`),
  })
  assert.deepEqual(await readdir(folder), [])
})

test('a redirect is followed', async (t) => {
  const storage = await serveFile(t, whole(file))
  const server = await serveFile(t, (_, response) =>
    response.writeHead(302, { location: `${storage.url}/elsewhere` }).end(),
  )
  const { target, run } = await downloadOf(t, server)
  await run()
  assert.deepEqual(await readFile(target), file)
})

for (const code of [401, 404, 500, 503]) {
  test(`an answer ${code} is named`, async (t) => {
    const server = await serveFile(t, status(code))
    const { run } = await downloadOf(t, server)
    await assert.rejects(run(), { name: 'DownloadError', message: RegExp(`answered ${code} `) })
    assert.equal(server.requests.length, 1)
  })
}

test('a connection that keeps breaking is given up, and what arrived stays', async (t) => {
  const server = await serveFile(t, cutAfter(50_000, file), (_, response) => response.destroy())
  const { folder, run } = await downloadOf(t, server)
  await assert.rejects(run(), { name: 'DownloadError', message: /the next try continues/ })
  assert.deepEqual(await readdir(folder), ['file.part'])
})

test('nobody listening is one line that names the address and the reason', async (t) => {
  const closed = await closedPort()
  const { run } = await downloadOf(t, { url: `http://127.0.0.1:${closed}` })
  await assert.rejects(run(), {
    name: 'DownloadError',
    message: `http://127.0.0.1:${closed}/some/file could not be downloaded: connect ECONNREFUSED 127.0.0.1:${closed}`,
  })
})

test('a server that never answers is given up', { timeout: 20_000 }, async (t) => {
  const server = await serveFile(t, silent)
  const { run } = await downloadOf(t, server, { silenceMs: 300 })
  await assert.rejects(run(), { name: 'DownloadError', message: /Headers Timeout/ })
})

test('a server that stops in the middle is given up', { timeout: 30_000 }, async (t) => {
  const stops = (bytes: number) => (_: unknown, response: ServerResponse) => {
    response.writeHead(200, { 'content-length': file.byteLength })
    response.write(file.subarray(0, bytes))
  }
  const server = await serveFile(t, stops(1000), silent)
  const { run } = await downloadOf(t, server, { silenceMs: 300 })
  await assert.rejects(run(), { name: 'DownloadError', message: /Timeout/ })
})

test('more bytes than expected are refused, announced or not', async (t) => {
  const announced = await downloadOf(t, await serveFile(t, whole(file)), { maxBytes: 200_000 })
  await assert.rejects(announced.run(), /has 300000 bytes, at most 200000 are expected/)
  const server = await serveFile(t, (_, response) => {
    response.write(file) // without a Content-Length
    response.end(file)
  })
  const unannounced = await downloadOf(t, server, { maxBytes: 400_000 })
  await assert.rejects(unannounced.run(), /sends more than the 400000 bytes expected/)
})

test('a folder that cannot be written is no fault of the network', async (t) => {
  const server = await serveFile(t, whole(file))
  const { target, run } = await downloadOf(t, server)
  await mkdir(`${target}.part`)
  await assert.rejects(run(), { code: 'EISDIR' })
})

test('HTTP_PROXY is honoured', async (t) => {
  const server = await serveFile(t, whole(file))
  const tunnels: string[] = []
  const proxy = createServer()
  proxy.on('connect', (request, client) => {
    tunnels.push(request.url ?? '')
    const upstream = connect(Number(new URL(server.url).port), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.pipe(client).pipe(upstream)
    })
    client.on('error', () => upstream.destroy())
    upstream.on('error', () => client.destroy())
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const { http_proxy: before } = process.env
  process.env.http_proxy = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  t.after(() => {
    proxy.close()
    if (before === undefined) delete process.env.http_proxy
    else process.env.http_proxy = before
  })
  const { target, run } = await downloadOf(t, { url: 'http://weights.invalid' })
  await run()
  assert.deepEqual(await readFile(target), file)
  assert.deepEqual(tunnels, ['weights.invalid:80'])
})
