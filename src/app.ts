// The composition root: the only file that constructs the parts and joins them.
import type { Logger } from 'pino'
import { createLineup, type Lineup } from './classification/lineup.ts'
import { createModelTable, type ModelTable } from './classification/model-table.ts'
import { createResultCache } from './classification/result-cache.ts'
import { createClassificationService } from './classification/service.ts'
import type { Classifier } from './classification/types.ts'
import { type Config, cores } from './config.ts'
import { ModelError, messageOf } from './errors.ts'
import { closeGently } from './http/closing.ts'
import type { HttpOptions } from './http/options.ts'
import { isCurrent, loadModel, planDevices } from './load-model.ts'
import { createMetrics, type Metrics } from './metrics/metrics.ts'
import {
  classificationObserver,
  defaultModelObserver,
  lineupObserver,
  modelInfo,
} from './observers.ts'
import { createReloader, type Reloader } from './repository/reloader.ts'
import type { Scan } from './repository/repository.ts'
import { scanRepository } from './repository/scan.ts'
import type { SessionPoolOptions } from './sessions/session-pool.ts'
import type { Tracing } from './tracing/tracing.ts'

/** A folder in which nothing was written for this long counts as complete. */
const settleMs = 2_000

/** No answer comes later than this after REQUEST_TIMEOUT_MS: who still holds a connection wastes it. */
const lateAnswerMs = 1_000

export interface AppOptions {
  readonly log: Logger
  /** The version of this service. */
  readonly version: string
  /** What is particular about the pools: spare processes, or the faults of a test, another entry and shorter waits. */
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
  const plans = await planDevices(config)
  // A session that was to replace a dead one and met other files: without a look, none would ever come.
  const foundStale = () => {
    reloader.ask(false).catch((error: unknown) => log.error(messageOf(error)))
  }
  const lineup = createLineup({
    table,
    load: (model) => loadModel(model, { config, plans, metrics, table, foundStale, ...options }),
    isCurrent,
    loadsAtStart: cores(),
    settleMs,
    observe: lineupObserver(metrics, log),
  })
  // The sessions start while this process still makes its decoders and its server.
  const reloader = startReloader(config, { lineup, table, log })
  const firstLook = reloader.ask(true)
  firstLook.catch(() => {}) // `start` tells of it
  const stopLoading = async () => {
    reloader.stop()
    await lineup.close()
  }
  const { imaging, drawHeatMap } = await orUndo(openImaging(config), stopLoading)
  let phase: 'serving' | 'leaving' | 'closing' = 'serving'
  const classifier = createClassificationService({
    imaging,
    table,
    lineup,
    cache: keptResults(config, metrics),
    sharesInFlight: config.shareInFlight === 'on',
    draw: drawHeatMap,
    leaving: () => phase !== 'serving',
    closing: () => phase === 'closing',
    observe: classificationObserver(metrics, tracing),
  })
  const draining = () => phase !== 'serving'
  const parts = { classifier, metrics, tracer: tracing, logger: log, version, draining }
  const { edge, http } = await orUndo(openEdge({ ...edgeSettings(config), ...parts }), () =>
    Promise.all([stopLoading(), imaging.close()]),
  )
  const metricsServer = config.metricsPort === 0 ? null : edge.createMetricsServer(metrics)
  return {
    classifier,
    reload: () => reloader.ask(true),
    summary: () => summarize(table),
    async start() {
      await firstLook
      if (table.all().length === 0) throw nothingToServe(lineup, config.modelRepository)
    },
    async listen(host, port) {
      if (metricsServer !== null) await metricsServer.listen({ host, port: config.metricsPort })
      return await edge.listenQuietly(http, { host, port, backlog: config.maxConnections })
    },
    async drain(delayMs) {
      reloader.stop()
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

/** Takes a good part of the start to load, as the edge does: the sessions have begun theirs by then. */
async function openImaging(config: Config) {
  const { createImaging } = await import('./imaging/decoder-pool.ts')
  const { drawHeatMap } = await import('./imaging/heat-map.ts')
  return { imaging: createImaging(imagingSettings(config)), drawHeatMap }
}

async function openEdge(options: HttpOptions) {
  const edge = {
    ...(await import('./http/server.ts')),
    ...(await import('./http/metrics-server.ts')),
  }
  return { edge, http: await edge.createServer(options) }
}

/** What was begun before ends in good order where the next part cannot be made. */
async function orUndo<Part>(making: Promise<Part>, undo: () => Promise<unknown>): Promise<Part> {
  return await making.catch(async (error: unknown) => {
    await undo()
    throw error
  })
}

function startReloader(
  config: Config,
  { lineup, table, log }: { lineup: Lineup; table: ModelTable; log: Logger },
): Reloader {
  const tellDefault = defaultModelObserver(log)
  const reloader = createReloader({
    async look(insist) {
      const found = await lineup.reconcile(await scanFor(config), insist)
      tellDefault(table)
      return found
    },
    pollMs: config.modelPollMs,
    settleMs,
    failed: (error) => log.error(messageOf(error)),
  })
  reloader.start()
  return reloader
}

/** What the edge takes from the configuration as it is. */
function edgeSettings(config: Config) {
  return {
    imageFormats: config.imageFormats,
    limits: {
      maxImageBytes: config.maxImageBytes,
      requestTimeoutMs: config.requestTimeoutMs,
      cores: cores(),
      maxConnections: config.maxConnections,
    },
    apiKeys: config.apiKeys,
    rateLimitPerMinute: config.rateLimitPerMinute,
    corsOrigins: config.corsOrigins,
    trustProxy: config.trustProxy,
    serveMetrics: config.metricsPort === 0,
    keepsResults: config.resultCacheBytes > 0,
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

function scanFor({ modelRepository, models }: Config): Promise<Scan> {
  return scanRepository(modelRepository, models)
}

function keptResults({ resultCacheBytes }: Config, metrics: Metrics) {
  const cache = createResultCache(resultCacheBytes)
  metrics.onScrape(() => metrics.results.kept(cache?.usedBytes ?? 0))
  return cache
}

function imagingSettings({ decodeThreads, imageFormats, ...config }: Config) {
  return {
    threads: decodeThreads === 'auto' ? cores() : decodeThreads,
    maxPixels: config.maxImagePixels,
    maxDecodeBytes: config.maxDecodeBytes,
    formats: imageFormats,
  }
}

function nothingToServe(lineup: Lineup, repository: string): ModelError {
  const reasons = [...lineup.problems(), ...lineup.absent()].map(({ message }) => message)
  const why = reasons.length === 0 ? 'it holds none' : reasons.join('; ')
  return new ModelError('missing', `no model of ${repository} can be served: ${why}`)
}

function summarize(table: ModelTable): object {
  return { models: table.all().map(modelInfo) }
}
