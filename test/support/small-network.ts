// A ResNet small enough for a test: an eighth of the filters or fewer, small pictures, few classes.
import {
  type BlockVariant,
  describeNetwork,
  type Network,
  type NetworkName,
  type NetworkSpec,
  publishedSpec,
} from '../../src/resnet/network.ts'

export function smallSpec(network: NetworkName, changes: Partial<NetworkSpec> = {}): NetworkSpec {
  return { ...publishedSpec(network), filters: 4, classes: 10, imageSize: 32, ...changes }
}

export function smallNetwork(network: NetworkName, variant?: BlockVariant): Network {
  return describeNetwork(smallSpec(network, variant === undefined ? {} : { variant }))
}
