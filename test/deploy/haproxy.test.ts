// A real HAProxy with the configuration that docker-compose mounts, before a stand-in for a replica.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { tempFolder } from '../support/temp-folder.ts'

const file = fileURLToPath(new URL('../../../deploy/haproxy/haproxy.cfg', import.meta.url))
const hasHaproxy = spawnSync('haproxy', ['-v']).status === 0
const skip = hasHaproxy ? false : 'needs HAProxy (Debian: haproxy)'

test('a replica hears that HAProxy asks for others, so that no client waits for another', {
  skip,
}, async (t) => {
  const asked: IncomingHttpHeaders[] = []
  const replica = createServer(({ url, headers }, response) => {
    if (url === '/v1/models') asked.push(headers)
    response.end('{}')
  })
  const replicaPort = await listen(replica)
  t.after(() => {
    replica.close()
    replica.closeAllConnections()
  })
  const balancer = await startHaproxy(t, replicaPort)
  const { status } = await fetch(`${balancer}/v1/models`)
  assert.equal(status, 200)
  assert.equal(asked[0]?.['x-forwarded-for'], '127.0.0.1')
})

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** @returns where it listens */
async function startHaproxy(t: TestContext, replicaPort: number): Promise<string> {
  const place = createServer()
  const port = await listen(place)
  await new Promise((resolve) => place.close(resolve))
  const text = (await readFile(file, 'utf8'))
    .replace(/^resolvers docker\n( .*\n)+/m, '')
    .replace('bind :8080', `bind 127.0.0.1:${port}`)
    .replace(/server-template .*/, `server replica 127.0.0.1:${replicaPort}`)
  const folder = await tempFolder(t, { 'haproxy.cfg': text })
  const haproxy = spawn('haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')], { stdio: 'ignore' })
  t.after(() => haproxy.kill('SIGKILL'))
  const origin = `http://127.0.0.1:${port}`
  while (haproxy.exitCode === null) {
    const isThere = await fetch(`${origin}/balancer/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isThere) return origin
    await sleep(50)
  }
  throw new Error(`haproxy ended with exit code ${haproxy.exitCode}`)
}
