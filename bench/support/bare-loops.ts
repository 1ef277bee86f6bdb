// A process that does by itself what the service does: the engine in a loop, the decoder in a loop.
// Its parent asks for one measurement at a time, so that measurements can be interleaved.
import { availableParallelism } from 'node:os'
import { loadWithPreferredEngine } from '../../src/engines/choose.ts'
import type { EngineName, LoadedModel, LoadRequest } from '../../src/engines/engine.ts'
import { createImaging } from '../../src/imaging/decoder-pool.ts'
import type { CropRecipe } from '../../src/imaging/imaging.ts'

export interface BareOrder {
  readonly engine: EngineName | 'auto'
  readonly request: LoadRequest
  readonly recipe: CropRecipe
  readonly images: readonly string[] // base64
}

export type BareTask =
  | { readonly kind: 'infer'; readonly batchSize: number; readonly durationMs: number }
  | { readonly kind: 'decode'; readonly atOnce: number; readonly durationMs: number }
  /** One image after the other: decoded, then inferred. */
  | { readonly kind: 'image'; readonly durationMs: number }

export interface BareFigure {
  readonly imagesPerSecond: number
  /** Median milliseconds of one batch, or of one image decoded. */
  readonly medianMs: number
}

interface Loops {
  readonly model: LoadedModel
  readonly decode: (index: number) => Promise<Uint8Array>
}

async function prepare(order: BareOrder): Promise<Loops> {
  const { model } = await loadWithPreferredEngine(order.engine, order.request)
  const images = order.images.map((text) => Buffer.from(text, 'base64'))
  const imaging = createImaging({
    threads: availableParallelism(),
    maxPixels: 50_000_000,
    formats: ['jpeg'],
  })
  const decode = async (index: number) => {
    const image = new Uint8Array(images[index % images.length] as Buffer) // it is given away
    return (await imaging.decode(image, [order.recipe])).crops[0] as Uint8Array
  }
  return { model, decode }
}

async function measure({ model, decode }: Loops, task: BareTask): Promise<BareFigure> {
  const endAt = performance.now() + task.durationMs
  const samplesMs: number[] = []
  const startedAt = performance.now()
  let images = 0
  const timed = async (size: number, act: () => Promise<unknown>) => {
    const before = performance.now()
    await act()
    samplesMs.push(performance.now() - before)
    images += size
  }
  if (task.kind === 'infer') {
    const crop = await decode(0)
    const batch = new Uint8Array(crop.length * task.batchSize)
    for (let i = 0; i < task.batchSize; i++) batch.set(crop, i * crop.length)
    while (performance.now() < endAt) {
      await timed(task.batchSize, () => model.run(batch, task.batchSize))
    }
  } else if (task.kind === 'image') {
    while (performance.now() < endAt) {
      await timed(1, async () => model.run(await decode(images), 1))
    }
  } else {
    const one = async () => {
      while (performance.now() < endAt) await timed(1, () => decode(images))
    }
    await Promise.all(Array.from({ length: task.atOnce }, one))
  }
  const seconds = (performance.now() - startedAt) / 1000
  samplesMs.sort((a, b) => a - b)
  return {
    imagesPerSecond: images / seconds,
    medianMs: samplesMs[samplesMs.length >> 1] ?? Number.NaN,
  }
}

let loops: Loops | undefined
process.on('message', async (message: BareOrder | BareTask) => {
  if ('request' in message) {
    loops = await prepare(message)
    process.send?.(loops.model.description)
  } else if (loops !== undefined) process.send?.(await measure(loops, message))
})
