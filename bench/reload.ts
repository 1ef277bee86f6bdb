// `npm run reload-test`: a real server whose model is changed again and again while clients use it and
// another model. Every answer is checked for its image and for the version that had to give it.
//   --reloads N   200 unless said otherwise; half of them by SIGHUP, half by polling
//   --calm MS     rest after each, to compare the other model's latency with
//   --doc         writes docs/reloads.md
import { copyFile, cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { knownImages, writeSmallModel } from '../test/support/known-images.ts'
import { endAllServed } from '../test/support/served-process.ts'
import { writeContents } from './reload/contents.ts'
import {
  changedModel,
  type Drive,
  drive,
  firstServing,
  otherModel,
  type Way,
} from './reload/drive.ts'
import { createReport } from './reload/report.ts'
import { createShelf } from './reload/shelf.ts'
import { scriptOptions } from './support/script-options.ts'

const given = scriptOptions({
  reloads: { type: 'string', default: '200' },
  calm: { type: 'string', default: '600' },
  doc: { type: 'boolean', default: false },
})

const imageCount = 16
/** Contents of the model that changes; more than the versions that lie in its folder at a time. */
const seeds = [11, 12, 13, 14, 15]
const other = { name: otherModel, seed: 8, side: 64, filters: 16 }

const root = await mkdtemp(join(tmpdir(), 'resnet-serving-reload-'))
const report = createReport(Number(given.reloads))
try {
  const contents = await writeContents(join(root, 'contents'), {
    shape: {},
    seeds,
    count: imageCount,
  })
  const shelf = createShelf(root, contents)
  await writeSmallModel(join(root, 'kept'), other)
  const otherImages = await knownImages(join(root, 'kept'), other, imageCount)
  const half = Math.ceil(Number(given.reloads) / 2)
  await driveBy('SIGHUP', 0, half)
  await driveBy('poll', half, Number(given.reloads) - half)

  async function driveBy(way: Way, first: number, count: number): Promise<void> {
    const repository = join(root, way)
    await cp(join(root, 'kept'), repository, { recursive: true })
    await mkdir(join(repository, changedModel))
    const version = String(firstServing.version)
    const from = contents.folders[firstServing.content] as string
    await cp(from, join(repository, changedModel, version), { recursive: true })
    await copyFile(contents.manifest, join(repository, changedModel, 'model.json'))
    const options = { way, first, count, repository, contents, shelf, otherImages }
    const driven: Drive = await drive({
      ...options,
      calmMs: Number(given.calm),
      done: (change, ms) => report.changed(way, change.name, ms),
    })
    report.drove(way, driven)
  }
} catch (error) {
  report.broke(error as Error)
} finally {
  endAllServed()
  await rm(root, { recursive: true, force: true })
}
process.exit(await report.end(given.doc))
