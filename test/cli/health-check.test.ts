// A container's health check, run as Docker runs it.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../src/cli/health-check.js', import.meta.url))

test('a health check ends with 0 where the server is ready', async (t) => {
  const port = await serverThatAnswers(t, 200)
  assert.deepEqual(await check(port), { code: 0, stdout: 'ready\n', stderr: '' })
})

test('a health check ends with 1 and one line where the server is not ready', async (t) => {
  const port = await serverThatAnswers(t, 503)
  const { code, stderr } = await check(port)
  assert.equal(code, 1)
  assert.match(stderr, /^http:\/\/127\.0\.0\.1:\d+ is not ready: it answered 503\n$/)
})

async function serverThatAnswers(
  t: { after(end: () => void): void },
  status: number,
): Promise<number> {
  const server = createServer(({ url }, response) => {
    response.writeHead(url === '/health/ready' ? status : 404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

async function check(port: number) {
  const env = { ...process.env, HOST: '0.0.0.0', PORT: String(port) }
  return await new Promise((resolve: (result: CheckResult) => void) => {
    execFile(process.execPath, [program], { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    )
  })
}

interface CheckResult {
  readonly code: number | string | null | undefined
  readonly stdout: string
  readonly stderr: string
}
