// Runs a crowd of slow clients on a thread of its own: what they cost their own machine must not
// stand in the measured times of the others.
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import type { CrowdOptions, DripLife } from './crowd.ts'
import { openSocket } from './ports.ts'

const { origin, drips, idlers, dripEveryMs, spreadMs } = workerData as CrowdOptions
const lives: DripLife[] = []
let isOver = false

const idle = await Promise.all(Array.from({ length: idlers }, () => openSocket(origin)))
// Clients of different people do not send in step.
const drippers = Array.from({ length: drips }, async (_, at) => {
  await sleep((at * spreadMs) / drips)
  while (!isOver) lives.push(await drip())
})
parentPort?.postMessage('here')
parentPort?.once('message', async () => {
  isOver = true
  await Promise.all(drippers)
  for (const socket of idle) socket.destroy()
  parentPort?.postMessage(lives)
})

/** Sends a byte now and then until it is closed. */
async function drip(): Promise<DripLife> {
  const socket = await openSocket(origin)
  const startedAt = performance.now()
  let answer = ''
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1')
  })
  socket.write(
    'POST /v1/classify?model=small HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n',
  )
  const timer = setInterval(() => socket.write('x'), dripEveryMs)
  await new Promise((resolve) => socket.once('close', resolve))
  clearInterval(timer)
  return { ms: performance.now() - startedAt, answer: answer.slice(9, 12) }
}
