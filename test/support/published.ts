// Weights of small networks as a publisher would offer them: files on a server, and their catalogue.
import { createHash } from 'node:crypto'
import type { Catalogue } from '../../src/cli/models/published-weights.ts'
import { describeNetwork, type NetworkName } from '../../src/resnet/network.ts'
import { encodeSafetensors } from '../../src/resnet/safetensors.ts'
import { seededCheckpoint } from '../../src/resnet/seeded-checkpoint.ts'
import { smallSpec } from './small-network.ts'

/** A few filters, but all 1000 classes. */
export function publishedFile(network: NetworkName): Buffer {
  const described = describeNetwork(smallSpec(network, { classes: 1000 }))
  return Buffer.concat(encodeSafetensors(seededCheckpoint(described, 5)))
}

export function catalogueOf(files: Readonly<Record<NetworkName, Buffer>>): Catalogue {
  const entry = (network: NetworkName) => ({
    path: `someone/${network}/model.safetensors`,
    sha256: createHash('sha256').update(files[network]).digest('hex'),
    licence: 'apache-2.0',
  })
  return { resnet34: entry('resnet34'), resnet50: entry('resnet50') }
}
