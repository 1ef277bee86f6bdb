// Traces, from a real server to a real receiver in another process.
import assert from 'node:assert/strict'
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { sharp } from '../../src/imaging/sharp.ts'
import type { ReceivedSpan } from '../support/otlp-receiver.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { writeTinyModel } from '../support/tiny-model.ts'

const program = fileURLToPath(new URL('../../src/cli/bin.cjs', import.meta.url))
const receiverFile = new URL('../support/otlp-receiver.js', import.meta.url)

/** What a client that is traced itself sends: https://www.w3.org/TR/trace-context/ */
const callerTrace = '4bf92f3577b34da6a3ce929d0e0e4736'
const callerSpan = '00f067aa0ba902b7'
const sampled = `00-${callerTrace}-${callerSpan}-01`
const unsampled = `00-${callerTrace}-${callerSpan}-00`

const picture = await sharp({
  create: { width: 64, height: 48, channels: 3, background: '#3366cc' },
})
  .jpeg()
  .toBuffer()

interface Line {
  readonly msg: string
  readonly trace_id?: string
  readonly span_id?: string
  readonly route?: string
}

interface Served {
  readonly origin: string
  readonly lines: readonly Line[]
  /** What it wrote to its standard error. */
  readonly errors: readonly string[]
  classify(headers?: Readonly<Record<string, string>>): Promise<Response>
  /** @returns the exit code */
  stop(): Promise<number | null>
}

async function startServer(
  t: TestContext,
  environment: Readonly<Record<string, string>>,
): Promise<Served> {
  const repository = await tempFolder(t)
  await writeTinyModel(repository)
  const child = spawn(process.execPath, [program, 'serve'], {
    env: {
      ...process.env,
      ...{ PORT: '0', MODEL_REPOSITORY: repository, MODELS: 'tiny', DEFAULT_MODEL: 'tiny' },
      ...{ ENGINE: 'onnxruntime', SESSIONS_PER_DEVICE: '1', THREADS_PER_SESSION: '1' },
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  const lines: Line[] = []
  const errors: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line))
  const origin = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`exit code ${code}: ${errors.join('\n')}`)))
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as Line & { address?: string }
      lines.push(line)
      if (line.msg === 'listening' && line.address !== undefined) resolve(line.address)
    })
  })
  return {
    origin,
    lines,
    errors,
    classify: (headers = {}) =>
      fetch(`${origin}/v1/classify`, { method: 'POST', headers, body: new Uint8Array(picture) }),
    async stop() {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
      return child.exitCode
    },
  }
}

interface Receiver {
  readonly endpoint: string
  readonly spans: readonly ReceivedSpan[]
}

async function startReceiver(t: TestContext): Promise<Receiver> {
  const child: ChildProcess = fork(receiverFile, { serialization: 'advanced' })
  t.after(() => child.kill())
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  const spans: ReceivedSpan[] = []
  child.on('message', (message: { spans: ReceivedSpan[] }) => spans.push(...message.spans))
  return { endpoint: `http://127.0.0.1:${port}`, spans }
}

test('a request is traced from admission to answer, below the span of its client', async (t) => {
  const receiver = await startReceiver(t)
  const server = await startServer(t, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint })
  assert.equal((await server.classify({ traceparent: sampled })).status, 200)
  assert.equal(await server.stop(), 0) // which sends what is held

  const [root, ...more] = receiver.spans.filter(({ kind }) => kind === 2)
  assert.ok(root !== undefined && more.length === 0, 'one server span')
  assert.equal(root.name, 'POST /v1/classify')
  assert.equal(root.traceId, callerTrace)
  assert.equal(root.parentSpanId, callerSpan)
  assert.equal(root.attributes['http.response.status_code'], '200')
  assert.equal(root.resource['service.name'], 'resnet-serving')

  const children = receiver.spans.filter(({ parentSpanId }) => parentSpanId === root.spanId)
  const names = children.toSorted((a, b) => Number(a.startNs - b.startNs)).map(({ name }) => name)
  assert.deepEqual(names, ['admission', 'decode', 'queue', 'infer', 'respond'])
  for (const { traceId, startNs, endNs } of children) {
    assert.equal(traceId, callerTrace)
    assert.ok(root.startNs <= startNs && startNs <= endNs && endNs <= root.endNs, 'inside')
  }
  const infer = children.find(({ name }) => name === 'infer')
  assert.deepEqual(infer?.attributes, { model: 'tiny', version: '1', batch_size: '1' })
})

test('each image of a form, and each model of a comparison, has its own spans', async (t) => {
  const receiver = await startReceiver(t)
  const server = await startServer(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    SHARE_IN_FLIGHT: 'off', // the three are equal, and would be computed once
  })
  const form = new FormData()
  for (const name of ['a', 'b', 'c']) form.append(name, new Blob([new Uint8Array(picture)]), name)
  await fetch(`${server.origin}/v1/classify/batch`, { method: 'POST', body: form })
  await server.stop()
  const root = receiver.spans.find(({ kind }) => kind === 2)
  const infers = receiver.spans.filter(({ name }) => name === 'infer')
  assert.equal(infers.length, 3)
  assert.ok(infers.every(({ parentSpanId }) => parentSpanId === root?.spanId))
})

test('a refused request is traced with its error code, probes and scrapes are not traced', async (t) => {
  const receiver = await startReceiver(t)
  const server = await startServer(t, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint })
  await fetch(`${server.origin}/health/ready`)
  await fetch(`${server.origin}/metrics`)
  await fetch(`${server.origin}/v1/classify?model=nowhere`, { method: 'POST', body: 'x' })
  await server.stop()
  assert.deepEqual(
    receiver.spans
      .filter(({ kind }) => kind === 2)
      .map(({ name, attributes }) => [name, attributes['error.type']]),
    [['POST /v1/classify', 'model_not_found']],
  )
})

test("what a client chose not to sample is not sent, but the log has its trace's id", async (t) => {
  const receiver = await startReceiver(t)
  const server = await startServer(t, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint })
  await server.classify({ traceparent: unsampled })
  await server.stop()
  assert.deepEqual(receiver.spans, [])
  assert.equal(requestLine(server).trace_id, callerTrace)
})

test('the log, the metrics and the trace of a request name the same trace', async (t) => {
  const receiver = await startReceiver(t)
  const server = await startServer(t, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint })
  await server.classify()
  const metrics = await fetch(`${server.origin}/metrics`)
  const text = await metrics.text()
  await server.stop()
  const root = receiver.spans.find(({ kind }) => kind === 2)
  assert.match(metrics.headers.get('content-type') ?? '', /^application\/openmetrics-text/)
  assert.match(text, /\n# EOF\n$/)
  const exemplar =
    /^http_request_duration_seconds_bucket\{.*\} 1 # \{trace_id="([0-9a-f]{32})"\}/m.exec(text)
  assert.equal(exemplar?.[1], root?.traceId)
  assert.equal(requestLine(server).trace_id, root?.traceId)
  assert.equal(requestLine(server).span_id, root?.spanId)
})

test('a collector that is away costs one warning, no request and no delay of the end', async (t) => {
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as { port: number }
  closed.close()
  const server = await startServer(t, { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` })
  for (let i = 0; i < 5; i++) assert.equal((await server.classify()).status, 200)
  assert.equal(await server.stop(), 0)
  const warnings = server.lines.filter(({ msg }) => msg.startsWith('traces are not sent to http'))
  assert.ok(warnings.length <= 1, JSON.stringify(warnings))
})

test('without a collector the tracing library is not loaded, and traceparent is logged', async (t) => {
  const loads = async (environment: Readonly<Record<string, string>>) => {
    const server = await startServer(t, { NODE_DEBUG: 'module', ...environment })
    await server.classify({ traceparent: sampled })
    await server.stop()
    // prom-client loads @opentelemetry/api, a few types and no-ops, in any case.
    const count = server.errors.filter((line) => line.includes('@opentelemetry/sdk-trace')).length
    return { server, count }
  }
  const off = await loads({ OTEL_EXPORTER_OTLP_ENDPOINT: '' })
  assert.equal(off.count, 0)
  assert.equal(requestLine(off.server).trace_id, callerTrace)
  // The same way of looking does see it where it is loaded.
  assert.ok((await loads({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' })).count > 0)
})

function requestLine({ lines }: Served): Line {
  const line = lines.find(({ msg, route }) => msg === 'request' && route === '/v1/classify')
  assert.ok(line !== undefined, 'the request is in the log')
  return line
}
