// Before the first start: fills a repository that holds no model.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  describeNetwork,
  type NetworkName,
  networkNames,
  publishedSpec,
} from '../resnet/network.ts'
import { seededCheckpoint } from '../resnet/seeded-checkpoint.ts'
import { buildModel } from './build-model.ts'
import { DownloadError } from './download.ts'
import { versionsIn } from './install-model.ts'
import { createLines } from './progress.ts'
import type { Catalogue } from './published-weights.ts'
import { pullModel } from './pull-model.ts'

export interface EnsureOptions {
  readonly repository: string
  /** Address of the host or mirror, or `none` to download nothing. */
  readonly source: string
  /** Takes one line for people at a time. */
  readonly say: (line: string) => void
  /** A server that sends nothing for this long is given up. */
  readonly silenceMs?: number
  /** What to download; without it, the published files. */
  readonly catalogue?: Catalogue
}

/** What noDownload builds: any number would do, as long as it is always the same. */
const seed = 1
/** Stands in the repository while it is being filled: a start that was cut off is taken up again. */
const marker = '.filling'

/**
 * Builds ResNet34 and ResNet50 where `repository` holds no model: with the published weights, or,
 * where those cannot be downloaded, says so in one line and builds them with random weights.
 * @returns whether anything was built
 */
export async function ensureModels(options: EnsureOptions): Promise<boolean> {
  const { repository } = options
  await mkdir(repository, { recursive: true })
  const entries = await readdir(repository, { withFileTypes: true })
  const holdsModels = entries.some((entry) => !entry.isFile() && !entry.name.startsWith('.'))
  if (holdsModels && !entries.some((entry) => entry.name === marker)) return false
  await writeFile(join(repository, marker), '')
  let failure = options.source === 'none' ? 'no source of weights is configured' : null
  for (const network of networkNames) {
    if ((await versionsIn(join(repository, network))).length > 0) continue
    failure ??= await tryPull(network, options)
    if (failure !== null) await buildRandom(network, options, failure)
  }
  await rm(join(repository, marker), { force: true })
  return true
}

/** Why the download failed, in one line, or null where it did not. */
async function tryPull(network: NetworkName, options: EnsureOptions): Promise<string | null> {
  const { say } = options
  try {
    const progress = createLines(`${network}: downloading`, say)
    say(await pullModel({ ...options, network, progress, replace: false }))
    return null
  } catch (error) {
    if (!(error instanceof DownloadError)) throw error
    return error.message
  }
}

async function buildRandom(
  network: NetworkName,
  { repository, say }: EnsureOptions,
  failure: string,
): Promise<void> {
  const spec = publishedSpec(network)
  await buildModel({
    repository,
    name: network,
    version: null,
    replace: false,
    spec,
    checkpoint: seededCheckpoint(describeNetwork(spec), seed),
    weights: { kind: 'random', source: `seed ${seed}` },
    interpolation: 'bilinear',
    labels: null,
  })
  say(
    `${network}: RANDOM weights, its answers mean nothing (${failure}); \`models pull\` gets real ones`,
  )
}
