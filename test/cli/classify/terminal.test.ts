// What a person at a terminal sees of `classify`: a pseudo-terminal of util-linux's `script`.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { fileURLToPath } from 'node:url'
import { photograph } from '../../support/photographs.ts'
import { type Served, serveModels } from '../../support/served.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const program = fileURLToPath(new URL('../../../src/cli/bin.cjs', import.meta.url))
const noScript =
  process.platform === 'linux' && spawnSync('script', ['--version']).status === 0
    ? false
    : 'needs the program script of util-linux (Debian: bsdutils)'
/** Far more than are classified before the test has pressed Ctrl-C. */
const manyImages = 3000
const showCursor = '\x1b[?25h'
const wrapLines = '\x1b[?7h'

let served: Served
before(async () => {
  served = await serveModels()
})
after(() => served?.stop())

test('Ctrl-C in the middle gives the terminal its cursor and its line ends back', {
  skip: noScript,
}, async (t) => {
  const folder = await tempFolder(t)
  const { buffer } = await photograph('')
  await Promise.all(
    Array.from({ length: manyImages }, (_, index) =>
      writeFile(join(folder, `${index}.jpg`), buffer),
    ),
  )
  const command = `"${process.execPath}" "${program}" classify --url ${served.origin} "${folder}"`
  const terminal = spawn('script', ['--quiet', '--command', command, '/dev/null'])
  let seen = ''
  terminal.stdout.on('data', (data) => {
    if (!seen.includes(' of 3000 images') && String(data).includes(' of 3000 images')) {
      terminal.stdin.write('\x03') // what the key sends
    }
    seen += data
  })
  await new Promise((resolve) => terminal.once('close', resolve))
  const afterwards = seen.slice(seen.lastIndexOf(' of 3000 images'))
  assert.ok(afterwards.includes(showCursor) && afterwards.includes(wrapLines), afterwards)
  assert.doesNotMatch(seen, /3000 of 3000/)
})
