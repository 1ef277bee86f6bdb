// What it costs this process to hand a batch of crops to another one and to get scores back: the
// shared memory that sessions use, against a framed pipe and fork's messages in both of their serialisations.
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { openCropMemory } from '../../src/sessions/crop-memory.ts'
import { FrameKind, FrameReader, writeFrame } from '../../src/sessions/frame.ts'
import { createSamples } from '../support/statistics.ts'

export const batchSize = 8
const cropBytes = 224 * 224 * 3
export const batchBytes = batchSize * cropBytes
export const scoresBytes = batchSize * 1000 * 4

interface Transport {
  readonly name: string
  readonly child: ChildProcess
  /** One batch there and its scores back. */
  exchange(): Promise<unknown>
}

const rounds = 3
const program = fileURLToPath(new URL('./transport-child.js', import.meta.url))

/** @returns a Markdown table */
export async function measureTransports(durationMs: number): Promise<string> {
  const transports = [
    ...sharedMemory(),
    framedPipe(),
    forkMessages('advanced'),
    forkMessages('json'),
  ]
  const samples = createSamples()
  for (let round = 0; round < rounds; round++) {
    for (const transport of transports) {
      const { images, parentMs, seconds } = await measure(transport, durationMs / rounds)
      samples.note(transport.name, 'images/s', images / seconds)
      samples.note(transport.name, "parent's CPU, µs an image", (parentMs * 1000) / images)
    }
  }
  for (const { child } of transports) child.kill()
  return samples.table('transport')
}

async function measure(transport: Transport, durationMs: number) {
  await transport.exchange() // the first one allocates
  const before = process.cpuUsage()
  const startedAt = performance.now()
  let batches = 0
  do {
    await transport.exchange()
    batches++
  } while (performance.now() - startedAt < durationMs)
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(before)
  return { images: batches * batchSize, parentMs: (user + system) / 1000, seconds }
}

function crops(): Uint8Array[] {
  return Array.from({ length: batchSize }, (_, index) => new Uint8Array(cropBytes).fill(index))
}

/** None where this system has no such memory. */
function sharedMemory(): Transport[] {
  const memory = openCropMemory()
  if (memory === undefined) return []
  const shared = overPipe({
    name: 'shared memory, a frame on the pipe (what sessions use)',
    descriptor: memory.descriptor,
    payloadOf(batch) {
      if (memory.write(batch)) return []
      throw new Error('there is no room in the shared memory')
    },
  })
  return [shared]
}

function framedPipe(): Transport {
  return overPipe({
    name: 'framed pipe, corked writes',
    descriptor: 'ignore',
    payloadOf: (batch) => batch,
  })
}

interface OverPipe {
  readonly name: string
  /** What the child has as `cropMemoryDescriptor`. */
  readonly descriptor: number | 'ignore'
  /** What of the batch goes through the pipe. */
  readonly payloadOf: (batch: readonly Uint8Array[]) => readonly Uint8Array[]
}

function overPipe({ name, descriptor, payloadOf }: OverPipe): Transport {
  const child = spawn(process.execPath, [program, 'pipe'], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe', descriptor],
  })
  const socket = child.stdio[3] as unknown as Socket
  let answered: () => void = () => {}
  const reader = new FrameReader({
    payloadFor: ({ payloadBytes }) => new Uint8Array(payloadBytes),
    onFrame: () => answered(),
  })
  socket.on('data', (chunk: Buffer) => reader.push(chunk)).on('error', () => {})
  const batch = crops()
  return {
    name,
    child,
    exchange: () =>
      new Promise<void>((resolve) => {
        answered = resolve
        writeFrame(socket, { kind: FrameKind.run, id: 1, count: batchSize }, payloadOf(batch))
      }),
  }
}

function forkMessages(serialization: 'advanced' | 'json'): Transport {
  const child = fork(program, ['fork'], { serialization })
  const batch = crops()
  // JSON would write bytes as an object of numbers: base64 is the best that it can do.
  const message =
    serialization === 'json'
      ? () => batch.map((crop) => Buffer.from(crop).toString('base64'))
      : () => batch
  return {
    name: `fork messages, ${serialization} serialisation`,
    child,
    exchange: async () => {
      child.send(message() as unknown as object)
      return await once(child, 'message')
    },
  }
}
