// The published weights of one network -> a model in the repository.
import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fitSpec } from '../../resnet/import-weights.ts'
import { type NetworkName, publishedSpec } from '../../resnet/network.ts'
import { download, sha256Of } from '../download.ts'
import type { Progress } from '../progress.ts'
import { buildModel } from './build-model.ts'
import { readManifest, versionsIn } from './install-model.ts'
import { readCheckpoint } from './models-build.ts'
import {
  addressOf,
  type Catalogue,
  maxWeightsBytes,
  publicSource,
  publishedWeights,
} from './published-weights.ts'

export interface Pull {
  readonly network: NetworkName
  readonly repository: string
  /** Address of the host or mirror. */
  readonly source: string
  /** Whether weights that are neither random nor these make way. */
  readonly replace: boolean
  readonly progress: Progress
  readonly silenceMs?: number
  /** What to download; without it, the published files. */
  readonly catalogue?: Catalogue
}

/** Beside the models, where no scan looks: a download that is cut off goes on from here. */
const downloadsFolder = '.downloads'

/**
 * Downloads, checks, builds.
 * @returns one line for people
 * @throws DownloadError where the file cannot be had, UsageError where another model is in the way
 */
export async function pullModel(pull: Pull): Promise<string> {
  const { network, repository, source, progress } = pull
  const weights = (pull.catalogue ?? publishedWeights)[network]
  const folder = resolve(repository, network)
  const held = await heldWeights(folder, network)
  if (held?.sha256 === weights.sha256) return `${network}: these weights are in ${folder} already`

  const file = join(repository, downloadsFolder, `${weights.sha256}.safetensors`)
  await mkdir(join(repository, downloadsFolder), { recursive: true })
  try {
    // A build that was cut off leaves the whole file.
    if ((await sha256Of(file).catch(() => '')) !== weights.sha256) {
      await download({
        url: addressOf(weights, source),
        sha256: weights.sha256,
        target: file,
        maxBytes: maxWeightsBytes,
        onProgress: (received, total) => progress.update(received, total),
        ...(pull.silenceMs !== undefined && { silenceMs: pull.silenceMs }),
      })
    }
  } finally {
    progress.stop()
  }
  const checkpoint = await readCheckpoint(file)
  const line = await buildModel({
    repository,
    name: network,
    version: null,
    // Random weights stood in for these.
    replace: pull.replace || held?.kind === 'random',
    spec: fitSpec(publishedSpec(network), checkpoint),
    checkpoint,
    weights: {
      kind: 'pretrained',
      source: addressOf(weights, publicSource).href,
      sha256: weights.sha256,
      licence: weights.licence,
    },
    interpolation: 'bicubic',
    labels: null,
  })
  await rm(file, { force: true })
  return line
}

async function heldWeights(folder: string, network: NetworkName) {
  if ((await versionsIn(folder)).length === 0) return null
  return (await readManifest(folder, network))?.weights ?? null
}
