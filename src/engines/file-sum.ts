// The CRC-32C of a file of any size, read through one piece of memory: a fresh one for each chunk of a
// hundred megabytes costs more in faults and collections than the sum itself.
import { open } from 'node:fs/promises'
import { crc32c } from '@node-rs/crc32'

export interface FileSum {
  readonly sizeBytes: number
  readonly crc32c: number
}

/** Large enough that the sum, not the calls, takes the time. */
const chunkBytes = 2 ** 20

/** @throws Error of the system */
export async function sumFile(path: string): Promise<FileSum> {
  const file = await open(path, 'r')
  try {
    const chunk = Buffer.allocUnsafeSlow(chunkBytes)
    let sum = 0
    let sizeBytes = 0
    while (true) {
      const { bytesRead } = await file.read(chunk, 0, chunkBytes, sizeBytes)
      if (bytesRead === 0) return { sizeBytes, crc32c: sum }
      sum = crc32c(chunk.subarray(0, bytesRead), sum)
      sizeBytes += bytesRead
    }
  } finally {
    await file.close()
  }
}
