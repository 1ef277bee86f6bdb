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

export type EngineTask =
  | { readonly kind: 'measure'; readonly batchSize: number; readonly durationMs: number }
  | { readonly kind: 'score'; readonly crops: readonly string[] } // base64

export type EngineReady =
  | { readonly description: ModelDescription; readonly loadMs: number }
  | { readonly refused: string }

export interface EngineFigure {
  readonly imagesPerSecond: number
  /** Of this size in this process: it prepares for the size. */
  readonly firstMs: number
  /** Memory that this process does not share with files or others; `null` where there is no /proc. */
  readonly ownBytes: number | null
}

export interface EngineScores {
  readonly scores: readonly (readonly number[])[]
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

async function measure(
  model: LoadedModel,
  task: EngineTask & { kind: 'measure' },
): Promise<EngineFigure> {
  const { height, width } = model.description.input
  const cropBytes = height * width * 3
  const pixels = Uint8Array.from({ length: task.batchSize * cropBytes }, (_, i) => (i * 31) % 256)
  const firstAt = performance.now()
  await model.run(pixels, task.batchSize)
  const startedAt = performance.now()
  let batches = 0
  while (performance.now() - startedAt < task.durationMs) {
    await model.run(pixels, task.batchSize)
    batches++
  }
  const seconds = (performance.now() - startedAt) / 1000
  return {
    imagesPerSecond: (batches * task.batchSize) / seconds,
    firstMs: startedAt - firstAt,
    ownBytes: await ownBytes(),
  }
}

async function score(
  model: LoadedModel,
  { crops }: EngineTask & { kind: 'score' },
): Promise<EngineScores> {
  const scores: number[][] = []
  for (const crop of crops) {
    const pixels = new Uint8Array(Buffer.from(crop, 'base64')) // of its own: aligned, not pooled
    scores.push([...(await model.run(pixels, 1))])
  }
  return { scores }
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
  } else if (held !== null) {
    process.send?.(
      message.kind === 'measure' ? await measure(held, message) : await score(held, message),
    )
  }
})
process.on('disconnect', () => process.exit())
