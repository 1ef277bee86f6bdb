// The other end of a transport that is measured: takes batches of crops, gives rows of scores back.
// Started as `node transport-child.js pipe|fork`.
import { Socket } from 'node:net'
import { readCropMemory } from '../../src/sessions/crop-memory.ts'
import { FrameKind, FrameReader, writeFrame } from '../../src/sessions/frame.ts'
import { batchBytes, batchSize, scoresBytes } from './transports.ts'

const scores = new Uint8Array(scoresBytes)

if (process.argv[2] === 'pipe') {
  const pixels = new Uint8Array(batchBytes) // one buffer for all batches, as a session has
  const socket = new Socket({ fd: 3, readable: true, writable: true })
  const reader = new FrameReader({
    payloadFor: () => pixels,
    onFrame({ id, payloadBytes }) {
      if (payloadBytes === 0) readCropMemory(pixels)
      writeFrame(socket, { kind: FrameKind.scores, id, count: batchSize }, [scores])
    },
  })
  socket.on('data', (chunk: Buffer) => reader.push(chunk)).on('close', () => process.exit())
} else {
  process.on('message', () => process.send?.(scores))
  process.on('disconnect', () => process.exit())
}
