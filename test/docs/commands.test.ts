import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { fileURLToPath } from 'node:url'
import { commandBlocks } from '../support/command-blocks.ts'
import { photograph } from '../support/photographs.ts'
import { type Served, serveModels } from '../support/served.ts'

const program = fileURLToPath(new URL('../../src/cli/bin.cjs', import.meta.url))
const blocks = await commandBlocks()
let served: Served
let folder: string

before(async () => {
  served = await serveModels()
  folder = await mkdtemp(join(tmpdir(), 'resnet-serving-docs-'))
  const { buffer } = await photograph('')
  await mkdir(join(folder, 'photos'))
  for (const name of ['photo.jpg', 'photos/one.jpg', 'photos/two.jpg']) {
    await writeFile(join(folder, name), buffer)
  }
  await mkdir(join(folder, 'bin'))
  // `npx resnet-serving` runs this build; the test of the package runs the real one.
  await writeScript('resnet-serving', `exec "${process.execPath}" "${program}" "$@"`)
  await writeScript('npx', 'shift; exec resnet-serving "$@"')
  // A refusal is a failure, also for curl.
  await writeFile(join(folder, '.curlrc'), 'fail-with-body\nsilent\n')
})
after(async () => {
  await served?.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function writeScript(name: string, line: string): Promise<void> {
  const path = join(folder, 'bin', name)
  await writeFile(path, `#!/bin/bash\n${line}\n`)
  await chmod(path, 0o755)
}

test('README and docs show commands that can run', () => {
  assert.ok(blocks.some(({ place }) => place.startsWith('README.md')))
  assert.ok(blocks.length >= 10, `${blocks.length}`)
})

for (const { place, commands } of blocks) {
  test(`${place} runs`, async () => {
    const { host } = new URL(served.origin)
    const script = commands.replaceAll(/(127\.0\.0\.1|localhost):8080/g, host)
    const { code, output } = await run(`set -euo pipefail\n${script}`)
    assert.equal(code, 0, `${script}\n${output}`)
  })
}

function run(script: string): Promise<{ code: unknown; output: string }> {
  const environment = {
    ...process.env,
    PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
    CURL_HOME: folder,
    ENGINE: 'onnxruntime',
    MODEL_REPOSITORY: served.repository,
  }
  return new Promise((resolve) => {
    execFile('bash', ['-c', script], { cwd: folder, env: environment }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, output: `${stdout}${stderr}` }),
    )
  })
}
