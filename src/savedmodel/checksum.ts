// CRC32C as checkpoints store it: rotated and offset, because the checksum of data that holds its own
// checksum is weak (https://github.com/google/leveldb/blob/main/util/crc32c.h, "masked").
import { crc32c } from '@node-rs/crc32'

const maskDelta = 0xa282ead8

export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  const rotated = (crc >>> 15) | (crc << 17)
  return (rotated + maskDelta) >>> 0
}
