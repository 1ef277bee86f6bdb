// A process that holds one model in one engine and runs batches when asked: engines measured side by
// side must not share a process, since the idle threads of one would slow the other.
import { readFile } from 'node:fs/promises'
import { loadWithPreferredEngine } from '../../src/engines/choose.ts'
import type {
  EngineName,
  LoadedModel,
  LoadRequest,
  ModelDescription,
} from '../../src/engines/engine.ts'

export interface EngineOrder {
  readonly engine: EngineName
  readonly request: LoadRequest
}

export interface EngineTask {
  readonly batchSize: number
  readonly durationMs: number
}

export type EngineReady =
  | { readonly description: ModelDescription; readonly loadMs: number }
  | { readonly refused: string }

export interface EngineFigure {
  readonly imagesPerSecond: number
  /** Memory that this process does not share with files or others; `null` where there is no /proc. */
  readonly ownBytes: number | null
}

async function load({ engine, request }: EngineOrder): Promise<[LoadedModel | null, EngineReady]> {
  const startedAt = performance.now()
  try {
    const { model } = await loadWithPreferredEngine(engine, request)
    const loadMs = performance.now() - startedAt
    return [model, { description: model.description, loadMs }]
  } catch (error) {
    return [null, { refused: error instanceof Error ? error.message : String(error) }]
  }
}

async function run(model: LoadedModel, task: EngineTask): Promise<EngineFigure> {
  const { height, width } = model.description.input
  const cropBytes = height * width * 3
  const pixels = Uint8Array.from({ length: task.batchSize * cropBytes }, (_, i) => (i * 31) % 256)
  await model.run(pixels, task.batchSize) // the first of a size prepares for it
  const startedAt = performance.now()
  let batches = 0
  while (performance.now() - startedAt < task.durationMs) {
    await model.run(pixels, task.batchSize)
    batches++
  }
  const seconds = (performance.now() - startedAt) / 1000
  return { imagesPerSecond: (batches * task.batchSize) / seconds, ownBytes: await ownBytes() }
}

async function ownBytes(): Promise<number | null> {
  const text = await readFile('/proc/self/smaps_rollup', 'utf8').catch(() => '')
  const kilobytes = /Anonymous:\s+(\d+) kB/.exec(text)?.[1]
  return kilobytes === undefined ? null : Number(kilobytes) * 1024
}

let held: LoadedModel | null = null
process.on('message', async (message: EngineOrder | EngineTask) => {
  if ('engine' in message) {
    const [model, ready] = await load(message)
    held = model
    process.send?.(ready)
  } else if (held !== null) process.send?.(await run(held, message))
})
process.on('disconnect', () => process.exit())
