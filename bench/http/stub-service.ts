// The service with decoding and inference left out, put together through the same seams as app.ts:
// the real edge, the real use case, the real batcher; an imaging room and a pool that answer at once.
import { pino } from 'pino'
import { labelsOf } from '../../src/classification/class-labels.ts'
import { createLineup } from '../../src/classification/lineup.ts'
import { createModelTable } from '../../src/classification/model-table.ts'
import { createServedModel, type ServedModel } from '../../src/classification/served-model.ts'
import { createClassificationService } from '../../src/classification/service.ts'
import { cores, readConfig } from '../../src/config.ts'
import { createServer } from '../../src/http/server.ts'
import type { Imaging } from '../../src/imaging/imaging.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { classificationObserver } from '../../src/observers.ts'
import { defaultManifest } from '../../src/repository/manifest.ts'
import type { ModelVersion } from '../../src/repository/repository.ts'
import type { SessionPool } from '../../src/sessions/session-pool.ts'

const classes = 1000
const side = 224
const maxBatchSize = 8

/** Decodes nothing: every image is the same grey crop. */
function stubImaging(): Imaging {
  const crop = new Uint8Array(side * side * 3).fill(128)
  const image = {
    crops: [crop],
    format: 'jpeg',
    digest: 'stub',
    width: 500,
    height: 375,
    decodeMs: 0,
  } as const
  return { decode: async () => image, waiting: 0, forecastMs: () => 0, close: async () => {} }
}

/** Computes nothing: every crop has the same scores. */
function stubPool(): SessionPool {
  const scores = new Float32Array(classes).map((_, index) => (index * 7) % 13)
  const outcome = { ok: true, value: { scores, inferMs: 0 } } as const
  return {
    description: {
      engine: 'onnxruntime',
      engineVersion: 'none: a stub',
      device: 'cpu',
      precision: 'fp32',
      input: { name: 'images', dtype: 'uint8', height: side, width: side },
      output: { name: 'logits', kind: 'logits', classes },
    },
    refused: [],
    warmUpMs: 0,
    counts: { starting: 0, idle: 1, busy: 0 },
    sessions: [],
    ready: true,
    shared: false,
    complete: Promise.resolve(),
    lease: async () => ({ run: async (crops) => crops.map(() => outcome), release: () => {} }),
    close: async () => {},
  }
}

function stubModel(metrics: ReturnType<typeof createMetrics>): ServedModel {
  const version: ModelVersion = {
    model: 'resnet50',
    version: 1,
    folder: '/nonexistent',
    manifest: defaultManifest,
    fingerprint: '',
    identity: '',
    files: '',
    writtenMs: 0,
    labels: null,
  }
  return createServedModel({
    version,
    pool: stubPool(),
    labels: labelsOf(version, classes),
    sessions: 1,
    threadsPerSession: 1,
    maxBatchSize,
    smallBatchSize: maxBatchSize,
    maxQueueDelayMs: 0,
    maxQueueSize: 256,
    openTensors: () => Promise.reject(new Error('nothing is loaded here')),
    openLogits: () => Promise.reject(new Error('nothing is loaded here')),
    openMaps: () => Promise.reject(new Error('nothing is explained here')),
    observe: metrics.batcher('resnet50', '1'),
  })
}

/** @returns the address that it listens on */
export async function listenStubService(logLevel: string): Promise<string> {
  const config = readConfig({})
  const log = pino({ level: logLevel, base: null }, pino.destination('/dev/null'))
  const metrics = createMetrics()
  const table = createModelTable(config.defaultModel)
  table.add(stubModel(metrics))
  const ignore = () => {}
  const classifier = createClassificationService({
    imaging: stubImaging(),
    table,
    cache: undefined,
    sharesInFlight: false,
    draw: () => Promise.resolve(new Uint8Array()),
    lineup: createLineup({
      table,
      load: () => Promise.reject(new Error('nothing is loaded here')),
      isCurrent: () => Promise.resolve(true),
      loadsAtStart: 1,
      settleMs: 0,
      observe: {
        loaded: ignore,
        failed: ignore,
        problem: ignore,
        problems: ignore,
        loads: ignore,
        retired: ignore,
      },
    }),
    leaving: () => false,
    closing: () => false,
    observe: classificationObserver(metrics),
  })
  const server = await createServer({
    ...config,
    classifier,
    metrics,
    logger: log,
    version: 'bench',
    draining: () => false,
    keepsResults: false,
    limits: { ...config, cores: cores() },
    serveMetrics: true,
  })
  return await server.listen({ host: '127.0.0.1', port: 0 })
}
