// One setting on trial: a service with it, in a process of its own, under a closed loop of clients.
import { madePhotographs } from '../../imaging/made-photographs.ts'
import { closedLoop } from '../closed-loop.ts'
import { startOwnService } from '../own-service.ts'
import { quantile } from '../quantile.ts'

/** `auto` is what the service chooses by itself. */
export interface TuneSetting {
  readonly sessions: number | 'auto'
  readonly threads: number | 'auto'
  readonly maxBatchSize: number | 'auto'
  readonly maxQueueDelayMs: number
}

export interface Trial extends TuneSetting {
  readonly imagesPerSecond: number
  readonly p99Ms: number
}

interface TrialOptions {
  readonly model: string
  readonly clients: number
  readonly seconds: number
}

export async function measureSetting(setting: TuneSetting, options: TrialOptions): Promise<Trial> {
  const { model, clients, seconds } = options
  const service = await startOwnService({
    MODELS: model,
    DEFAULT_MODEL: model,
    SESSIONS_PER_DEVICE: String(setting.sessions),
    THREADS_PER_SESSION: String(setting.threads),
    MAX_BATCH_SIZE: String(setting.maxBatchSize),
    MAX_QUEUE_DELAY_MS: String(setting.maxQueueDelayMs),
  })
  try {
    const bodies = await madePhotographs()
    const path = `/v1/classify?model=${encodeURIComponent(model)}`
    const { origin } = service
    const load = { origin, path, bodies, clients, seconds }
    const { perSecond, timesMs } = await closedLoop(load)
    if (timesMs.length === 0) throw new Error('no answer within the measured time')
    return { ...setting, imagesPerSecond: perSecond, p99Ms: quantile(timesMs, 0.99) }
  } finally {
    await service.stop()
  }
}
