// `npm run conformance:pillow`: makes pictures of every form, crops them with Pillow and with
// src/imaging, and fails where the crops differ by more than the bounds.
//   --doc   measures times as well, and writes docs/preprocessing.md
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scriptOptions } from '../../../bench/support/script-options.ts'
import { createImaging } from '../../../src/imaging/decoder-pool.ts'
import { sharp } from '../../../src/imaging/sharp.ts'
import { compareAll, readGenerated } from './compare.ts'
import { judge, page } from './page.ts'
import { photographs, python, script } from './python.ts'
import { measureTimes } from './times.ts'

const given = scriptOptions({ doc: { type: 'boolean', default: false } })

if (!existsSync(python)) {
  process.stderr.write(
    `conformance:pillow needs Python with Pillow and numpy at ${python}: .ci/steps/10-engines makes it, or set PYTHON.\n`,
  )
  process.exit(1)
}
/** Of what decodes here. */
function ownVersions() {
  const { sharp: own = '', vips = '', mozjpeg = '', heif = '' } = sharp.versions
  return { sharp: own, libvips: vips, mozjpeg, libheif: heif }
}

const folder = mkdtempSync(join(tmpdir(), 'resnet-serving-pillow-'))
const imaging = createImaging({
  threads: 1,
  maxPixels: 50_000_000,
  formats: ['jpeg', 'png', 'webp', 'gif', 'avif', 'tiff'],
})
try {
  execFileSync(python, [script, 'make', folder, ...(photographs ? [photographs] : [])])
  const { versions, cases } = readGenerated(folder)
  const compared = await compareAll(imaging, folder, cases)
  const verdict = judge(compared)
  process.stdout.write(`${verdict.files}\n\n${verdict.recipes}\n\n${verdict.groups}\n\n`)
  process.stdout.write(`${verdict.summary}\n`)
  if (!verdict.passes) process.exitCode = 1
  if (given.doc) {
    const times = await measureTimes(imaging, folder)
    const file = new URL('../../../../docs/preprocessing.md', import.meta.url)
    writeFileSync(file, page({ versions: { ...versions, ...ownVersions() }, verdict, times }))
  }
} finally {
  await imaging.close()
  rmSync(folder, { recursive: true })
}
