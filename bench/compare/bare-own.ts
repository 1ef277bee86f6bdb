// One of our engines and our decoder in bare loops, in a process of their own: the ceiling.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EngineName, Precision } from '../../src/engines/engine.ts'
import type { BareFigure, BareOrder, BareTask } from '../support/bare-loops.ts'
import type { Setting } from './contenders.ts'

/** @param engine e.g. `openvino` or `openvino int8` */
export async function startOwnLoops(
  engine: string,
  setting: Setting,
  images: readonly Uint8Array[],
) {
  const { repository, model, savedModel, threads, maxBatchSize, device } = setting
  const { preprocess } = JSON.parse(await readFile(join(repository, model, 'model.json'), 'utf8'))
  const [name = '', precision = 'auto'] = engine.split(' ')
  const child = fork(fileURLToPath(new URL('../support/bare-loops.js', import.meta.url)))
  const order: BareOrder = {
    engine: name as EngineName,
    request: {
      model,
      folder: precision === 'int8' ? (setting.int8?.folder ?? savedModel) : savedModel,
      cacheFolder: join(repository, model, '.cache/1'),
      normalization: preprocess,
      device,
      precision: precision as Precision,
      threads,
      maxBatchSize,
      output: null,
    },
    recipe: { ...preprocess, height: 224, width: 224, cropSize: 224 },
    images: images.map((image) => Buffer.from(image).toString('base64')),
  }
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`bare ${engine} ended`)))
  ended.catch(() => {}) // at the end of the run nobody waits for an answer
  const answer = async <Answer>(message: BareOrder | BareTask): Promise<Answer> => {
    child.send(message)
    return (await Promise.race([once(child, 'message'), ended]))[0] as Answer
  }
  await answer(order)
  return { pid: child.pid ?? 0, measure: (task: BareTask) => answer<BareFigure>(task) }
}
