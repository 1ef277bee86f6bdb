// Before the first start: fills a repository that holds no model.
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ModelError, messageOf } from '../../errors.ts'
import {
  describeNetwork,
  type NetworkName,
  networkNames,
  publishedSpec,
} from '../../resnet/network.ts'
import { seededCheckpoint } from '../../resnet/seeded-checkpoint.ts'
import { DownloadError } from '../download-error.ts'
import { createLines } from '../progress.ts'
import { buildModel } from './build-model.ts'
import { lockFilling } from './fill-lock.ts'
import { fillingMarker, holdingsOf } from './holds-models.ts'
import { versionsIn } from './install-model.ts'
import type { Catalogue } from './published-weights.ts'
import { pullModel } from './pull-model.ts'
import { withRoom } from './with-room.ts'

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

/** What stands in for the published weights: any number would do, as long as it stays the same. */
const seed = 1
/** The value of MODEL_SOURCE that downloads nothing. */
const noSource = 'none'

/**
 * Builds ResNet34 and ResNet50 where `repository` holds no model: with the published weights, or,
 * where those cannot be downloaded, says so in one line and builds them with random weights.
 * @returns whether anything was built
 * @throws ModelError `missing` where it holds no model and cannot be written, or its disk is full
 */
export async function ensureModels(options: EnsureOptions): Promise<boolean> {
  const { repository, say } = options
  await mkdir(repository, { recursive: true }).catch((error: unknown) => {
    throw new ModelError('missing', `model repository ${repository}: ${messageOf(error)}`)
  })
  if ((await missingNetworks(repository)).length === 0) {
    // Left where a start was cut off after its last model.
    await rm(join(repository, fillingMarker), { force: true })
    return false
  }
  const unlock = await lockFilling(repository, () =>
    say(`${repository} is being filled by another start: waiting for it`),
  ).catch((error: unknown) => {
    const found = `holds no model and cannot be written (${messageOf(error)})`
    const advice = 'put a model into it, or name a folder that can be written in MODEL_REPOSITORY'
    throw new ModelError('missing', `model repository ${repository} ${found}: ${advice}`)
  })
  try {
    const missing = await missingNetworks(repository)
    if (missing.length > 0) await withRoom(repository, () => fill(missing, options))
    return missing.length > 0
  } finally {
    await unlock()
  }
}

async function fill(missing: readonly NetworkName[], options: EnsureOptions): Promise<void> {
  const { repository, source, say } = options
  await writeFile(join(repository, fillingMarker), '')
  if (source !== noSource) {
    say(`${repository} holds no model: downloading ${missing.join(' and ')} from ${source}`)
  }
  let failed = false
  for (const [index, network] of missing.entries()) {
    const failure = failed ? null : await tryPull(network, options)
    if (failure !== null) {
      failed = true
      say(
        `${failure}: ${missing.slice(index).join(' and ')} get RANDOM weights, answers will mean nothing; \`models pull\` gets real ones`,
      )
    }
    if (failed) await buildRandom(network, repository)
  }
  await rm(join(repository, fillingMarker), { force: true })
}

async function missingNetworks(repository: string): Promise<readonly NetworkName[]> {
  const { models, isHalfFilled } = await holdingsOf(repository)
  if (models.length === 0) return networkNames
  if (!isHalfFilled) return []
  const held = await Promise.all(
    networkNames.map(async (network) => (await versionsIn(join(repository, network))).length > 0),
  )
  return networkNames.filter((_, index) => !held[index])
}

/** Why the download failed, in one line, or null where it did not. */
async function tryPull(network: NetworkName, options: EnsureOptions): Promise<string | null> {
  const { source, say } = options
  if (source === noSource) return 'there is no source of weights (MODEL_SOURCE is none)'
  try {
    const progress = createLines(`${network}: downloading`, say)
    say(await pullModel({ ...options, network, progress, replace: false }))
    return null
  } catch (error) {
    if (!(error instanceof DownloadError)) throw error
    return error.message
  }
}

async function buildRandom(network: NetworkName, repository: string): Promise<void> {
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
}
