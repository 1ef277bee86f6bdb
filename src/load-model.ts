// One version of one model, from a folder to what answers: its sessions on the devices there are, a
// batcher, labels. app.ts hands it out; like that it is one of the few files that join rooms.
import { join } from 'node:path'
import type { Logger } from 'pino'
import { labelsOf } from './classification/class-labels.ts'
import type { ModelTable } from './classification/model-table.ts'
import { createServedModel, type ServedModel } from './classification/served-model.ts'
import { type Config, cores, memoryBytes } from './config.ts'
import type { LoadRequest } from './engines/engine.ts'
import { nvidiaGpus } from './engines/nvidia-gpus.ts'
import { usesMatrixUnits } from './engines/openvino/matrix-units.ts'
import type { Metrics } from './metrics/metrics.ts'
import { sessionObserver } from './observers.ts'
import { classMapsOutput } from './onnx/class-maps.ts'
import { listFiles } from './repository/files.ts'
import type { ModelVersion } from './repository/repository.ts'
import { autoDevices } from './sessions/auto-devices.ts'
import { createPermits, type Permits } from './sessions/permits.ts'
import { planSessions, type SessionPlan } from './sessions/plan.ts'
import {
  createSessionPool,
  type Placement,
  type SessionPoolOptions,
} from './sessions/session-pool.ts'

/** The output that holds scores before their softmax, where a model serves probabilities. */
const logitsOutput = 'logits'

/** What a model gets that takes any size, where its manifest names none: ImageNet's usual crop. */
const usualCropSize = 224

interface LoadOptions {
  readonly log: Logger
  /** What is particular about the pools: spare processes, or the faults of a test. */
  readonly pool?: Partial<SessionPoolOptions>
  readonly config: Config
  readonly plans: readonly DevicePlan[]
  readonly metrics: Metrics
  readonly table: ModelTable
  /** Called when a session has loaded files that are not those of its version any more. */
  readonly foundStale: () => void
}

/** Whether the files of a version are still as the scan found them. */
export async function isCurrent({ folder, files }: ModelVersion): Promise<boolean> {
  const found = await listFiles(folder).catch(() => null)
  return found?.exact === files
}

/** A device's plan with the permits that the sessions of all models share. */
interface DevicePlan extends SessionPlan, Placement {
  readonly permits: Permits
}

export async function planDevices(config: Config): Promise<readonly DevicePlan[]> {
  const { sessionsPerDevice, threadsPerSession, maxBatchSize, maxQueueDelayMs } = config
  const prefersNarrow = usesMatrixUnits(config)
  const devices = await devicesOf(config)
  const growsBatches = maxQueueDelayMs > 0 || devices.some((device) => device !== 'cpu')
  return devices.map((device) => {
    const plan = planSessions({
      device,
      cores: cores(),
      memoryBytes: memoryBytes(),
      prefersNarrow,
      sessionsPerDevice,
      threadsPerSession,
      maxBatchSize,
      growsBatches,
    })
    return { ...plan, permits: createPermits(plan.concurrency) }
  })
}

async function devicesOf({ devices, engine, precision }: Config): Promise<readonly string[]> {
  const named = devices.length === 0 ? ['auto'] : devices
  if (!named.includes('auto')) return named
  const found = await autoDevices({ engine, precision, gpus: nvidiaGpus() })
  return [...new Set(named.flatMap((device) => (device === 'auto' ? found : device)))]
}

function requestOf(
  { model, version, manifest, folder }: ModelVersion,
  { threads, threadsAlone, maxBatchSize }: SessionPlan,
  { precision }: Config,
): SessionPoolOptions['request'] {
  return {
    model,
    folder,
    cacheFolder: join(folder, '..', '.cache', String(version)),
    openSize: manifest.preprocess.cropSize ?? usualCropSize,
    normalization: manifest.preprocess,
    precision,
    threads,
    ...(threadsAlone > threads && { threadsAlone }),
    maxBatchSize,
    output: manifest.output,
  }
}

/** Starts the sessions of one version and joins them with a batcher and labels. */
export async function loadModel(
  version: ModelVersion,
  { config, plans, metrics, log, table, foundStale, pool: injected }: LoadOptions,
): Promise<ServedModel> {
  const { model } = version
  const [plan] = plans as [DevicePlan]
  const { device, permits, threads, maxBatchSize, smallBatchSize } = plan
  const names = { model, version: String(version.version) }
  const isBesideOthers = table.all().length > 0 // and not one of the first at a start
  // One a pool: each numbers its sessions from one.
  const observeSessions = () =>
    sessionObserver(version, metrics.sessions(model, plans.map(({ device }) => device).join()), log)
  const options: SessionPoolOptions = {
    preference: config.engine,
    request: requestOf(version, plan, config),
    placements: plans,
    ...(config.maxSessionBytes === 0 ? {} : { memory: { limitBytes: config.maxSessionBytes } }),
    observer: observeSessions(),
    onLine: ({ session, text }) => log.debug({ ...names, session }, text),
    isBusy: () => plans.some(({ permits }) => permits.held > 0),
    async isCurrent() {
      const isSo = await isCurrent(version)
      if (!isSo) foundStale()
      return isSo
    },
    ...injected,
  }
  const aside = (changed: Partial<LoadRequest>, changes: Partial<SessionPoolOptions>) => {
    const { threadsAlone: _, ...request } = options.request // what is asked for seldom stays small
    return createSessionPool({
      ...options,
      observer: observeSessions(),
      ...changes,
      request: { ...request, ...changed },
    })
  }
  const single = { placements: [{ device, permits, sessions: 1 }] }
  const pool = await createSessionPool(options)
  const { engine, precision } = pool.description
  try {
    // Then a version takes over with all its sessions and not with the first one.
    if (isBesideOthers) await pool.complete
    return createServedModel({
      version,
      pool,
      labels: labelsOf(version, pool.description.output.classes),
      sessions: plans.reduce((sum, plan) => sum + plan.sessions, 0),
      threadsPerSession: threads,
      maxBatchSize,
      smallBatchSize,
      maxQueueDelayMs: config.maxQueueDelayMs,
      maxQueueSize: config.maxQueueSize,
      openTensors: () => aside({ precision, inputForm: 'tensors' }, { preference: engine }),
      openLogits: () =>
        aside({ precision, output: logitsOutput }, { preference: engine, ...single }),
      openMaps: () => aside({ output: classMapsOutput }, { preference: 'onnxruntime', ...single }),
      observe: metrics.batcher(names.model, names.version),
    })
  } catch (error) {
    await pool.close()
    throw error
  }
}
