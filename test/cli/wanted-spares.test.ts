import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { wantedSpares } from '../../src/cli/wanted-spares.ts'
import { cores } from '../../src/config.ts'
import { tempFolder } from '../support/temp-folder.ts'

test('a start wants a session process for each model that loads on the CPU', async (t) => {
  const modelRepository = await tempFolder(t)
  await mkdir(join(modelRepository, 'one'))
  await mkdir(join(modelRepository, '.filling'))
  await writeFile(join(modelRepository, 'README.md'), '')
  const wanted = (devices: readonly string[], models: readonly string[] = []) =>
    wantedSpares({ devices, models, modelRepository })
  assert.equal(await wanted(['cpu']), 1)
  assert.equal(await wanted(['cpu', 'cuda:0']), 1)
  assert.equal(await wanted(['cuda:0']), 0)
  assert.equal(await wanted(['webgpu']), 0)
  assert.equal(await wanted(['cpu'], Array.from({ length: 1000 }, String)), cores())
})

test('a repository that cannot be read wants none: the start itself says why', async (t) => {
  const modelRepository = join(await tempFolder(t), 'none')
  assert.equal(await wantedSpares({ devices: ['cpu'], models: [], modelRepository }), 0)
})
