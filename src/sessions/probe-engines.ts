// Asks each engine whether it can run here, each in a process of its own: a library that crashes
// when it loads tells as much as one that answers.
import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Availability, EngineName } from '../engines/engine.ts'
import { messageOf } from '../errors.ts'
import { FrameError } from './frame.ts'
import { findLeash, launch, pipeDescriptor } from './launch.ts'
import { createChannel, type FromSession, type ToSession } from './messages.ts'

export interface EngineProbe {
  readonly engine: EngineName
  readonly availability: Availability
}

/** Every engine, in the order in which operators are told of them. */
const everyEngine: Readonly<Record<EngineName, true>> = {
  openvino: true,
  onnxruntime: true,
  tensorflow: true,
}

/** Loading TensorFlow from a cold disk takes tens of seconds; nothing useful takes longer. */
const limitMs = 60_000

/** Whether each engine can run on this machine, and if not, why. Never rejects. */
export async function probeEngines(
  entry: URL = new URL('./worker.js', import.meta.url),
): Promise<readonly EngineProbe[]> {
  const leash = await findLeash()
  const engines = Object.keys(everyEngine) as EngineName[]
  return Promise.all(
    engines.map(async (engine) => ({ engine, availability: await probe(engine, entry, leash) })),
  )
}

async function probe(
  engine: EngineName,
  entry: URL,
  leash: readonly string[],
): Promise<Availability> {
  try {
    // A probe sees every device: which of them the engine can use is part of the answer.
    const child = launch({ entry, device: 'all', label: `probe of ${engine}` }, leash)
    return await answerOf(child, engine)
  } catch (error) {
    return unavailable(`it could not be asked: ${messageOf(error)}`)
  }
}

function answerOf(child: ChildProcess, engine: EngineName): Promise<Availability> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
    let answer: Availability | undefined
    child.once('error', (error) => resolve(unavailable(`it could not be asked: ${error.message}`)))
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      resolve(answer ?? unavailable(`its process ended with ${signal ?? `exit code ${code}`}`))
    })
    child.stdout?.resume()
    child.stderr?.resume()
    const socket = child.stdio[pipeDescriptor] as unknown as Socket
    socket.on('error', () => {}) // the process's end is told by `exit`
    const channel = createChannel<ToSession, FromSession>(socket, {
      onMessage(message) {
        if (message.type === 'availability') answer = message.availability
      },
      payloadFor: () => {
        throw new FrameError('a probe has no batches')
      },
      onBatch: () => {},
      onBroken: () => child.kill('SIGKILL'),
    })
    channel.send({ type: 'probe', engine })
  })
}

function unavailable(reason: string): Availability {
  return { available: false, reason }
}
