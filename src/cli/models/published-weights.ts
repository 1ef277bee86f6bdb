// Where `models pull` gets the weights of the published networks: one file each, pinned by SHA-256.
import type { NetworkName } from '../../resnet/network.ts'

export interface PublishedWeights {
  /** Below the source's address. */
  readonly path: string
  readonly sha256: string
  readonly licence: string
}

export type Catalogue = Readonly<Record<NetworkName, PublishedWeights>>

/** The host that `path` belongs to; mirrors keep the same paths. */
export const publicSource = 'https://huggingface.co'

/** Twice the larger file: a server that sends more sends something else. */
export const maxWeightsBytes = 200_000_000

export const publishedWeights: Catalogue = {
  resnet34: {
    path: 'microsoft/resnet-34/resolve/main/model.safetensors',
    sha256: '1096166c7cf216a7320a6b67b754b1776b99205a44d070c6cb52429af2d136bb',
    licence: 'apache-2.0',
  },
  resnet50: {
    path: 'microsoft/resnet-50/resolve/34c2154c194f829b11125337b98c8f5f9965ff19/model.safetensors',
    sha256: '9c6061af1f450bb0847e529fd742aa5066017be379c71bbf5546b198e5b13a1e',
    licence: 'apache-2.0',
  },
}

/** The file's address at a source, which may have a path of its own (`https://mirror/hf/`). */
export function addressOf(weights: PublishedWeights, source: string): URL {
  return new URL(weights.path, source.endsWith('/') ? source : `${source}/`)
}
