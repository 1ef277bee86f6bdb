// The composition root: the only file that constructs the parts and joins them.
import { join } from 'node:path'
import type { Logger } from 'pino'
import { labelsOf } from './classification/class-labels.ts'
import { createLineup, type Lineup } from './classification/lineup.ts'
import { createModelTable, type ModelTable } from './classification/model-table.ts'
import { createServedModel, type ServedModel } from './classification/served-model.ts'
import { createClassificationService } from './classification/service.ts'
import type { Classifier } from './classification/types.ts'
import { type Config, cores } from './config.ts'
import { ModelError, messageOf } from './errors.ts'
import { closeGently } from './http/closing.ts'
import { createMetricsServer } from './http/metrics-server.ts'
import { createServer } from './http/server.ts'
import { createImaging } from './imaging/decoder-pool.ts'
import { createMetrics, type Metrics } from './metrics/metrics.ts'
import { classificationObserver, lineupObserver, modelInfo, sessionObserver } from './observers.ts'
import type { ModelVersion, Scan } from './repository/repository.ts'
import { scanRepository } from './repository/scan.ts'
import { createPermits, type Permits } from './sessions/permits.ts'
import { planSessions, type SessionPlan } from './sessions/plan.ts'
import {
  createSessionPool,
  type Placement,
  type SessionPoolOptions,
} from './sessions/session-pool.ts'
import type { Tracing } from './tracing/tracing.ts'

/** No answer comes later than this after REQUEST_TIMEOUT_MS: who still holds a connection wastes it. */
const lateAnswerMs = 1_000

export interface AppOptions {
  readonly log: Logger
  /** The version of this service. */
  readonly version: string
  /** What tests change about the pools to inject faults: another entry, shorter waits. */
  readonly pool?: Partial<SessionPoolOptions>
}

export interface App {
  /** For those who ask without HTTP. */
  readonly classifier: Classifier
  /** Loads and warms every model. @throws ModelError when none can be served */
  start(): Promise<void>
  /** @returns the address that is listened on, e.g. `http://127.0.0.1:8080` */
  listen(host: string, port: number): Promise<string>
  /** Looks at the model repository again. */
  reload(): Promise<void>
  /** Readiness turns 503; after `delayMs` nothing new is accepted; what was accepted is answered. */
  drain(delayMs: number): Promise<void>
  /** What serves, for the log. */
  summary(): object
}

export async function createApp(config: Config, options: AppOptions): Promise<App> {
  const { log, version } = options
  const tracing = await startTracing(config, options)
  const metrics = createMetrics({ exemplars: tracing !== undefined })
  const table = createModelTable(config.defaultModel)
  const plans = planDevices(config)
  const load = (model: ModelVersion) => loadModel(model, { config, plans, metrics, ...options })
  const lineup = createLineup({ table, load, observe: lineupObserver(metrics, log) })
  const imaging = createImaging({
    threads: config.decodeThreads === 'auto' ? cores() : config.decodeThreads,
    maxPixels: config.maxImagePixels,
    maxDecodeBytes: config.maxDecodeBytes,
    formats: config.imageFormats,
  })
  let phase: 'serving' | 'leaving' | 'closing' = 'serving'
  const classifier = createClassificationService({
    imaging,
    table,
    lineup,
    leaving: () => phase !== 'serving',
    closing: () => phase === 'closing',
    observe: classificationObserver(metrics, tracing),
  })
  const http = await createServer({
    classifier,
    metrics,
    tracer: tracing,
    logger: log,
    version,
    draining: () => phase !== 'serving',
    ...edgeSettings(config),
  })
  const metricsServer = config.metricsPort === 0 ? null : createMetricsServer(metrics)
  const scan = () => scanRepository(config.modelRepository, config.models)
  const reload = async () => lineup.reconcile(await scan())
  const polling = pollEvery(config.modelPollMs, reload, log)

  return {
    classifier,
    reload,
    summary: () => summarize(table),
    async start() {
      const found = await scan()
      await lineup.reconcile(found)
      if (table.all().length === 0) throw nothingToServe(lineup, found, config.modelRepository)
      polling.start()
    },
    async listen(host, port) {
      if (metricsServer !== null) await metricsServer.listen({ host, port: config.metricsPort })
      return await http.listen({ host, port })
    },
    async drain(delayMs) {
      polling.stop()
      phase = 'leaving'
      await new Promise((resolve) => setTimeout(resolve, delayMs))
      await closeGently(http, config.requestTimeoutMs + lateAnswerMs)
      phase = 'closing'
      await lineup.close()
      await imaging.close()
      await metricsServer?.close()
      await tracing?.close()
    },
  }
}

/** What the edge takes from the configuration as it is. */
function edgeSettings(config: Config) {
  return {
    defaultModel: config.defaultModel,
    imageFormats: config.imageFormats,
    limits: {
      maxImageBytes: config.maxImageBytes,
      requestTimeoutMs: config.requestTimeoutMs,
      maxConnections: config.maxConnections,
    },
    apiKeys: config.apiKeys,
    rateLimitPerMinute: config.rateLimitPerMinute,
    corsOrigins: config.corsOrigins,
    trustProxy: config.trustProxy,
    serveMetrics: config.metricsPort === 0,
  }
}

/** OpenTelemetry is loaded only where a collector is configured: it takes memory and start time. */
async function startTracing(
  { otlpEndpoint }: Config,
  { log, version }: AppOptions,
): Promise<Tracing | undefined> {
  if (otlpEndpoint === '') return undefined
  const { createTracing } = await import('./tracing/tracing.ts')
  return createTracing({
    endpoint: otlpEndpoint,
    version,
    warn: (message) => log.warn(message),
  })
}

interface LoadOptions extends AppOptions {
  readonly config: Config
  readonly plans: readonly DevicePlan[]
  readonly metrics: Metrics
}

/** A device's plan with the permits that the sessions of all models share. */
interface DevicePlan extends SessionPlan, Placement {
  readonly permits: Permits
}

function planDevices(config: Config): readonly DevicePlan[] {
  const { sessionsPerDevice, threadsPerSession, maxBatchSize } = config
  const devices = config.devices.length === 0 ? ['auto'] : config.devices
  return devices
    .map((device) => (device === 'auto' ? 'cpu' : device))
    .map((device) => {
      const plan = planSessions({
        device,
        cores: cores(),
        sessionsPerDevice,
        threadsPerSession,
        maxBatchSize,
      })
      return { ...plan, permits: createPermits(plan.concurrency) }
    })
}

/** Starts the sessions of one version and joins them with a batcher and labels. */
async function loadModel(
  version: ModelVersion,
  { config, plans, metrics, log, pool: injected }: LoadOptions,
): Promise<ServedModel> {
  const { model, manifest, folder } = version
  const [{ threads, maxBatchSize }] = plans as [DevicePlan]
  const names = { model, version: String(version.version) }
  // One a pool: each numbers its sessions from one.
  const observeSessions = () =>
    sessionObserver(version, metrics.sessions(model, plans.map(({ device }) => device).join()), log)
  const options: SessionPoolOptions = {
    preference: config.engine,
    request: {
      model,
      folder,
      cacheFolder: join(folder, '..', '.cache', names.version),
      normalization: manifest.preprocess,
      precision: config.precision,
      threads,
      maxBatchSize,
      output: manifest.output,
    },
    placements: plans,
    ...(config.maxSessionBytes === 0 ? {} : { memory: { limitBytes: config.maxSessionBytes } }),
    observer: observeSessions(),
    onLine: ({ session, text }) => log.debug({ ...names, session }, text),
    ...injected,
  }
  const pool = await createSessionPool(options)
  const { engine, precision } = pool.description
  try {
    return createServedModel({
      version,
      pool,
      labels: labelsOf(version, pool.description.output.classes),
      sessions: plans.reduce((sum, plan) => sum + plan.sessions, 0),
      threadsPerSession: threads,
      maxBatchSize,
      maxQueueDelayMs: config.maxQueueDelayMs,
      maxQueueSize: config.maxQueueSize,
      openTensors: () =>
        createSessionPool({
          ...options,
          observer: observeSessions(),
          preference: engine,
          request: { ...options.request, precision, inputForm: 'tensors' },
        }),
      observe: metrics.batcher(names.model, names.version),
    })
  } catch (error) {
    await pool.close()
    throw error
  }
}

function nothingToServe(lineup: Lineup, { problems }: Scan, repository: string): ModelError {
  const reasons = [...problems, ...lineup.absent()].map(({ message }) => message)
  const why = reasons.length === 0 ? 'it holds none' : reasons.join('; ')
  return new ModelError('missing', `no model of ${repository} can be served: ${why}`)
}

function summarize(table: ModelTable): object {
  return { models: table.all().map(modelInfo) }
}

/** Calls `act` every `intervalMs`, never twice at once; 0 never calls it. */
function pollEvery(intervalMs: number, act: () => Promise<void>, log: Logger) {
  let timer: NodeJS.Timeout | undefined
  const tick = () =>
    act()
      .catch((error: unknown) => log.error(messageOf(error)))
      .finally(start)
  function start(): void {
    if (intervalMs > 0) timer = setTimeout(() => void tick(), intervalMs)
  }
  return { start, stop: () => clearTimeout(timer) }
}
