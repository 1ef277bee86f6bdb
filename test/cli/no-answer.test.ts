import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCommand } from '../support/run-command.ts'
import { tempFolder } from '../support/temp-folder.ts'

const hasOpenssl = spawnSync('openssl', ['version']).status === 0

test('a certificate of an authority of their own is told what to do, and then believed', {
  skip: hasOpenssl ? false : 'needs openssl (Debian: openssl)',
}, async (t) => {
  const folder = await tempFolder(t)
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const names = ['-subj', '/CN=a.test', '-addext', 'subjectAltName=IP:127.0.0.1']
  const files = ['-keyout', keyFile, '-out', certFile]
  const made = spawnSync('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    ...files,
    ...names,
  ])
  assert.equal(made.status, 0, String(made.stderr))
  const [key, cert] = [readFileSync(keyFile), readFileSync(certFile)]
  const server = createServer({ key, cert }, (_, response) => response.end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const args = ['health', '--url', `https://127.0.0.1:${(server.address() as AddressInfo).port}`]
  const refused = await runCommand(args)
  assert.equal(refused.code, 1)
  assert.match(
    refused.stderr,
    /^no answer from .*certificate; NODE_EXTRA_CA_CERTS=FILE trusts .*\n$/,
  )
  const { code, stderr } = await runCommand(args, { NODE_EXTRA_CA_CERTS: certFile })
  assert.equal(code, 0, stderr)
})
