// The whole service inside the test's own process, on small models and real session processes:
// what app.ts joins, with the limits of each test and with sessions that fail when an image says so.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import { labelsOf } from '../../src/classification/class-labels.ts'
import { createLineup, type Lineup } from '../../src/classification/lineup.ts'
import { createModelTable } from '../../src/classification/model-table.ts'
import { createResultCache } from '../../src/classification/result-cache.ts'
import {
  createServedModel,
  type ServedModelOptions,
} from '../../src/classification/served-model.ts'
import { createClassificationService } from '../../src/classification/service.ts'
import type { Classifier } from '../../src/classification/types.ts'
import { closeSilent } from '../../src/http/closing.ts'
import type { HttpLimits, HttpOptions } from '../../src/http/options.ts'
import { createServer } from '../../src/http/server.ts'
import { createImaging } from '../../src/imaging/decoder-pool.ts'
import { drawHeatMap } from '../../src/imaging/heat-map.ts'
import type { ImagingOptions } from '../../src/imaging/imaging.ts'
import { createMetrics, type Metrics } from '../../src/metrics/metrics.ts'
import { classificationObserver, lineupObserver, sessionObserver } from '../../src/observers.ts'
import { classMapsOutput } from '../../src/onnx/class-maps.ts'
import type { ModelVersion } from '../../src/repository/repository.ts'
import { scanRepository } from '../../src/repository/scan.ts'
import { createPermits } from '../../src/sessions/permits.ts'
import { createSessionPool, type SessionPoolOptions } from '../../src/sessions/session-pool.ts'
import { type SmallModel, writeSmallModels } from './small-repository.ts'

type Batching = Pick<ServedModelOptions, 'maxBatchSize' | 'maxQueueDelayMs' | 'maxQueueSize'>

export interface ServiceOptions {
  readonly models?: readonly SmallModel[]
  readonly batching?: Partial<Batching>
  readonly imaging?: Partial<ImagingOptions>
  readonly http?: Partial<Omit<HttpOptions, 'limits'>>
  readonly limits?: Partial<HttpLimits>
  readonly pool?: Partial<SessionPoolOptions>
  /** Off, unless it is what is tested: most tests send one image many times. */
  readonly sharesInFlight?: boolean
  readonly cacheBytes?: number
  /** DEFAULT_MODEL; `small` where left out, empty is not set. */
  readonly defaultModel?: string
  /** What a look at the repository takes for complete, or gone; 0, at once, where left out. */
  readonly settleMs?: number
}

export interface Service {
  /** Where it listens, e.g. http://127.0.0.1:40123 */
  readonly origin: string
  readonly classifier: Classifier
  readonly metrics: Metrics
  readonly lineup: Lineup
  /** Its model repository. */
  readonly folder: string
  /** What it logged, line by line. */
  readonly log: readonly Record<string, unknown>[]
  /** Turns what SIGTERM turns: `leaving` only readiness, `closing` every new image. */
  turn(phase: 'serving' | 'leaving' | 'closing'): void
  reload(): Promise<void>
  close(): Promise<void>
}

const faultyEntry = new URL('../fixtures/faulty-worker.js', import.meta.url)

/** Starts it; `close` ends everything, session processes included. */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const folder = await mkdtemp(join(tmpdir(), 'resnet-serving-service-'))
  await writeSmallModels(folder, options.models ?? [{ name: 'small' }])
  const metrics = createMetrics()
  const { logger, lines } = memoryLog()
  const table = createModelTable(options.defaultModel ?? 'small')
  const load = (version: ModelVersion) => loadSmall(version, { options, metrics, logger })
  const lineup = createLineup({
    ...{ table, load, loadsAtStart: 2, settleMs: options.settleMs ?? 0 },
    isCurrent: () => Promise.resolve(true),
    observe: lineupObserver(metrics, logger),
  })
  const imaging = createImaging({
    threads: 2,
    maxPixels: 1_000_000,
    formats: ['jpeg', 'png', 'webp', 'gif'],
    ...options.imaging,
  })
  let phase: 'serving' | 'leaving' | 'closing' = 'serving'
  const classifier = createClassificationService({
    imaging,
    table,
    lineup,
    cache: createResultCache(options.cacheBytes ?? 0),
    sharesInFlight: options.sharesInFlight ?? false,
    draw: drawHeatMap,
    leaving: () => phase !== 'serving',
    closing: () => phase === 'closing',
    observe: classificationObserver(metrics),
  })
  const draining = () => phase !== 'serving'
  const keepsResults = (options.cacheBytes ?? 0) > 0
  const parts = { classifier, metrics, logger, draining, keepsResults }
  const http = await createServer(httpOptions(options, parts))
  const reload = async () => {
    await lineup.reconcile(await scanRepository(folder))
  }
  await reload()
  const origin = await http.listen({ host: '127.0.0.1', port: 0 })
  return {
    ...{ origin, classifier, metrics, lineup, folder, log: lines, reload },
    turn(to) {
      phase = to
    },
    async close() {
      const closed = http.close()
      closeSilent(http) // of clients that connected ahead of a request which they gave up
      await closed
      await lineup.close()
      await imaging.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

type Parts = Pick<HttpOptions, 'classifier' | 'metrics' | 'logger' | 'draining' | 'keepsResults'>

function httpOptions({ http, limits }: ServiceOptions, parts: Parts): HttpOptions {
  return {
    ...parts,
    version: '0.0.0-test',
    imageFormats: ['jpeg', 'png', 'webp', 'gif'],
    apiKeys: [],
    rateLimitPerMinute: 0,
    corsOrigins: [],
    trustProxy: [],
    serveMetrics: true,
    ...http,
    limits: {
      maxImageBytes: 1_000_000,
      requestTimeoutMs: 30_000, // far beyond what any answer takes, however busy the machine
      cores: 2,
      maxConnections: 100,
      ...limits,
    },
  }
}

interface LoadOptions {
  readonly options: ServiceOptions
  readonly metrics: Metrics
  readonly logger: Logger
}

async function loadSmall(version: ModelVersion, { options, metrics, logger }: LoadOptions) {
  const { model, manifest, folder } = version
  const batching: Batching = { maxBatchSize: 4, maxQueueDelayMs: 0, maxQueueSize: 64 }
  const { maxBatchSize } = { ...batching, ...options.batching }
  const poolOptions: SessionPoolOptions = {
    preference: 'onnxruntime',
    request: {
      ...{ model, folder, maxBatchSize, threads: 1, precision: 'auto' },
      cacheFolder: null,
      normalization: manifest.preprocess,
      output: manifest.output,
    },
    placements: [{ device: 'cpu', sessions: 1, permits: createPermits(1) }],
    observer: sessionObserver(version, metrics.sessions(model, 'cpu'), logger),
    entry: faultyEntry,
    ...options.pool,
  }
  const pool = await createSessionPool(poolOptions)
  try {
    return createServedModel({
      ...{ version, pool, sessions: 1, threadsPerSession: 1, smallBatchSize: maxBatchSize },
      labels: labelsOf(version, pool.description.output.classes),
      ...batching,
      ...options.batching,
      openTensors: () =>
        createSessionPool({
          ...poolOptions,
          request: { ...poolOptions.request, inputForm: 'tensors' },
        }),
      openLogits: () =>
        createSessionPool({
          ...poolOptions,
          request: { ...poolOptions.request, output: 'logits' },
        }),
      openMaps: () =>
        createSessionPool({
          ...poolOptions,
          request: { ...poolOptions.request, output: classMapsOutput },
        }),
      observe: metrics.batcher(model, String(version.version)),
    })
  } catch (error) {
    await pool.close()
    throw error
  }
}

function memoryLog() {
  const lines: Record<string, unknown>[] = []
  const write = (line: string) => void lines.push(JSON.parse(line))
  return { lines, logger: pino({ level: 'debug', base: null }, { write }) }
}
