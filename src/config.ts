// Everything an operator can set: one table of variables, read once, into a frozen Config.
// `serve --help` and docs/configuration.md are printed from the same table.
import { availableParallelism, totalmem } from 'node:os'
import { constrainedMemory } from 'node:process'
import { usualModel } from './classification/default-model.ts'
import * as form from './config-forms.ts'
import { ConfigError, messageOf } from './errors.ts'

interface Variable<Value> {
  /** The environment variable; its flag is `--` + the name in kebab-case. */
  readonly name: string
  readonly default: string
  readonly form: form.Form<Value>
  readonly meaning: string
  /** What raising (or setting) it risks, for the docs page. */
  readonly risk?: string
}

const oneMiB = 1024 * 1024
const oneHourMs = 3_600_000

function variable<Value>(
  name: string,
  form: form.Form<Value>,
  rest: Omit<Variable<Value>, 'name' | 'form'>,
): Variable<Value> {
  return { name, form, ...rest }
}

/** The table. Order is the order of the help and of the docs page. */
export const variables = {
  host: variable('HOST', form.nonEmpty, {
    default: '127.0.0.1',
    meaning: 'address to listen on; containers set 0.0.0.0',
    risk: '0.0.0.0 makes the service reachable from other machines: set API_KEYS',
  }),
  port: variable('PORT', form.integer(0, 65_535), {
    default: '8080',
    meaning: 'port to listen on; 0 takes a free one',
  }),
  modelRepository: variable('MODEL_REPOSITORY', form.nonEmpty, {
    default: './models',
    meaning: 'folder of models: <name>/<version>/saved_model.pb',
  }),
  modelSource: variable('MODEL_SOURCE', form.text, {
    default: 'https://huggingface.co',
    meaning: 'where weights are downloaded from, or a mirror of it; none downloads nothing',
  }),
  models: variable('MODELS', form.list, {
    default: '',
    meaning: 'models to serve, comma-separated; empty serves all that are found',
  }),
  defaultModel: variable('DEFAULT_MODEL', form.text, {
    default: '',
    meaning: `the model that answers a request which names none; unset it is ${usualModel}, or the only one there is`,
  }),
  modelPollMs: variable('MODEL_POLL_MS', form.integer(0, oneHourMs), {
    default: '0',
    meaning: 'how often to look for new and removed versions, in milliseconds; 0 never',
    risk: 'a version that is still being copied may be tried: copy it beside and rename it',
  }),
  engine: variable('ENGINE', form.oneOf('auto', 'onnxruntime', 'tensorflow', 'openvino'), {
    default: 'auto',
    meaning: 'the inference library; auto takes the fastest that works here',
  }),
  devices: variable('DEVICES', form.list, {
    default: 'auto',
    meaning:
      'devices to run on, comma-separated: cpu, cuda:0, webgpu; auto is every GPU that an engine can use over CUDA, else the CPU',
  }),
  precision: variable('PRECISION', form.oneOf('auto', 'fp32', 'bf16', 'fp16', 'int8'), {
    default: 'auto',
    meaning: 'what the engine may compute in; answers and metadata say what ran',
  }),
  sessionsPerDevice: variable('SESSIONS_PER_DEVICE', form.automatic(form.integer(1, 64)), {
    default: 'auto',
    meaning: 'session processes of each model on each device',
    risk: 'each session holds the weights in memory, and sessions x threads beyond the cores slow all',
  }),
  threadsPerSession: variable('THREADS_PER_SESSION', form.automatic(form.integer(1, 256)), {
    default: 'auto',
    meaning: 'threads one session computes with',
    risk: 'more than the cores divided by the sessions makes every answer slower',
  }),
  maxSessionBytes: variable('MAX_SESSION_BYTES', form.integer(0, 1024 * 1024 * oneMiB), {
    default: '0',
    meaning:
      'resident memory of a session process above which a fresh one takes its place; 0 changes those that grow to three times their size',
  }),
  maxBatchSize: variable('MAX_BATCH_SIZE', form.automatic(form.integer(1, 256)), {
    default: 'auto',
    meaning: 'most images that run together',
    risk: 'a request may wait for a whole batch before its own; memory grows with it',
  }),
  maxQueueDelayMs: variable('MAX_QUEUE_DELAY_MS', form.integer(0, 10_000), {
    default: '0',
    meaning:
      'holds a batch that is not full back for this long to let it grow, or for less where a request in it has less time; less than REQUEST_TIMEOUT_MS',
    risk: 'every answer of a service that is not busy comes this much later',
  }),
  maxQueueSize: variable('MAX_QUEUE_SIZE', form.integer(1, 100_000), {
    default: '256',
    meaning: 'images that may wait for each model; one more is answered 429',
    risk: 'each waiting image holds 150,528 bytes, and its client waits longer before it learns of overload',
  }),
  requestTimeoutMs: variable('REQUEST_TIMEOUT_MS', form.integer(1, oneHourMs), {
    default: '10000',
    meaning: 'longest a request may take; X-Request-Timeout-Ms may only shorten it',
    risk: 'slow clients hold their memory longer, and overload is told later',
  }),
  maxImageBytes: variable('MAX_IMAGE_BYTES', form.integer(1, 1024 * oneMiB), {
    default: String(20 * oneMiB),
    meaning: 'largest encoded image, in bytes',
    risk: 'every upload in flight may hold this much memory',
  }),
  maxImagePixels: variable('MAX_IMAGE_PIXELS', form.integer(1, 268_402_689), {
    default: '50000000',
    meaning: 'largest decoded image, in pixels, found from its header',
    risk: 'a progressive JPEG of 50 million pixels takes about 460 MB to decode, one of 268 million 2.5 GB',
  }),
  imageFormats: variable(
    'IMAGE_FORMATS',
    form.listOf('jpeg', 'png', 'webp', 'gif', 'avif', 'tiff'),
    {
      default: 'jpeg,png,webp,gif',
      meaning: 'formats that are decoded; the decoders of all others are blocked',
      risk: 'an AVIF of 1,000 bytes may take 19 bytes a pixel to decode: 465 MB for the largest that MAX_DECODE_BYTES and MAX_IMAGE_PIXELS let in by default',
    },
  ),
  shareInFlight: variable('SHARE_IN_FLIGHT', form.oneOf('on', 'off'), {
    default: 'on',
    meaning:
      'equal images that are asked for at the same time are computed once; benchmarks say off',
  }),
  resultCacheBytes: variable('RESULT_CACHE_BYTES', form.integer(0, 64 * 1024 * oneMiB), {
    default: '0',
    meaning: 'memory for results of images that come again, in bytes; 0 keeps none',
    risk: 'it is memory of the main process; a result of a thousand classes takes about 4.5 KB',
  }),
  decodeThreads: variable('DECODE_THREADS', form.automatic(form.integer(1, 256)), {
    default: 'auto',
    meaning: 'images decoded at the same time',
    risk: 'each may take the memory of the largest image that MAX_IMAGE_PIXELS permits',
  }),
  maxDecodeBytes: variable('MAX_DECODE_BYTES', form.integer(oneMiB, 1024 * 1024 * oneMiB), {
    default: String(320 * oneMiB),
    meaning:
      'memory that images may take together while they are decoded; large ones wait for each other. One that is alone may take this or 9.3 bytes for each of MAX_IMAGE_PIXELS, whichever is more; a dearer one is refused',
    risk: 'the worst case of the process is this, the uploads (eight times MAX_IMAGE_BYTES, at least 128 MiB), 256 MiB of long answers that are not read yet and about 120 MiB; 800 MiB more while a client sends dozens of images as lists of numbers in JSON',
  }),
  maxConnections: variable('MAX_CONNECTIONS', form.integer(1, 1_000_000), {
    default: '4096',
    // Also the listen backlog: Node's 511 overflow when a crowd comes at once; the kernel then drops
    // what it promised, and clients wait for seconds or see a reset.
    meaning:
      'open connections; further ones are closed at once. As many may wait to be accepted, up to net.core.somaxconn of the system',
    risk: 'each open connection takes a file descriptor (ulimit -n) and some 20 KB',
  }),
  apiKeys: variable('API_KEYS', form.keys, {
    default: '',
    meaning:
      'comma-separated keys, or their SHA-256 as sha256:<hex>; then Authorization: Bearer is required on all but health',
    risk: 'a key given as a flag is seen by every user of the machine until the start is over: prefer the variable, and the SHA-256 form',
  }),
  rateLimitPerMinute: variable('RATE_LIMIT_PER_MINUTE', form.integer(0, 1_000_000), {
    default: '0',
    meaning:
      'requests a minute of each key, or of each address where there are no keys; 0 unlimited',
    risk: 'behind a proxy all clients are one address unless TRUST_PROXY names the proxy',
  }),
  corsOrigins: variable('CORS_ORIGINS', form.list, {
    default: '',
    meaning: 'origins whose pages may call the API from a browser; empty none',
    risk: 'pages of these origins can use whatever this server offers to the reader',
  }),
  trustProxy: variable('TRUST_PROXY', form.networks, {
    default: '',
    meaning: 'addresses or CIDR ranges of proxies whose X-Forwarded-For is believed',
    risk: 'a range that clients can send from lets them choose the address they are limited by',
  }),
  metricsPort: variable('METRICS_PORT', form.integer(0, 65_535), {
    default: '0',
    meaning: 'serves /metrics on a port of its own; 0 serves it beside the API',
  }),
  shutdownDelayMs: variable('SHUTDOWN_DELAY_MS', form.integer(0, oneHourMs), {
    default: '0',
    meaning: 'on SIGTERM, keeps accepting for this long after readiness turned 503',
  }),
  shutdownGraceMs: variable('SHUTDOWN_GRACE_MS', form.integer(0, oneHourMs), {
    default: '20000',
    meaning: 'on SIGTERM, the longest that queued work may take before the process ends anyway',
    risk: 'must be shorter than what the supervisor waits before it kills (Kubernetes: 30 s)',
  }),
  logLevel: variable(
    'LOG_LEVEL',
    form.oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    {
      default: 'info',
      meaning: 'least severe log line to write (JSON, pino)',
    },
  ),
  otlpEndpoint: variable('OTEL_EXPORTER_OTLP_ENDPOINT', form.webAddress, {
    default: '',
    meaning: 'OpenTelemetry collector that traces are sent to; empty sends none',
  }),
}

type Table = typeof variables

/** What the process runs with. */
export type Config = {
  readonly [Name in keyof Table]: Table[Name] extends Variable<infer Value> ? Value : never
}

/**
 * The configuration from flags, else environment, else defaults.
 * @param flags by variable name (`MAX_BATCH_SIZE`)
 * @throws ConfigError naming the variable, the value and the form, on one line
 */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Record<string, string | undefined>> = {},
): Config {
  const entries = Object.entries(variables).map(([key, { name, form, default: byDefault }]) => {
    // An empty variable counts as unset: that is how compose files pass variables nobody set.
    const read = (text: string) => (form.seesBlanks ? text : text.trim())
    const flag = flags[name]
    const value = flag === undefined ? read(environment[name] ?? '') || byDefault : read(flag)
    try {
      return [key, form.parse(value)]
    } catch (error) {
      const shown = name === 'API_KEYS' ? '***' : JSON.stringify(value)
      throw new ConfigError(
        `${name} is ${shown}: ${messageOf(error)}; expected ${form.description}`,
      )
    }
  })
  const config = Object.freeze(Object.fromEntries(entries)) as Config
  assertTimeIsLeft(config)
  return config
}

/** @throws ConfigError where a request would have no time left when its batch may start */
function assertTimeIsLeft({ maxQueueDelayMs, requestTimeoutMs }: Config): void {
  if (maxQueueDelayMs < requestTimeoutMs) return
  throw new ConfigError(
    `MAX_QUEUE_DELAY_MS is ${maxQueueDelayMs}, and REQUEST_TIMEOUT_MS is ${requestTimeoutMs}: no request can wait that long; expected less`,
  )
}

/** The flag of a variable: `MAX_BATCH_SIZE` is `--max-batch-size`. */
export function flagOf(name: string): string {
  return `--${name.toLowerCase().replaceAll('_', '-')}`
}

/** The cores this process may use. */
export function cores(): number {
  return availableParallelism()
}

/** Bytes that this process and its sessions may hold: the container's limit, or the machine's memory. */
export function memoryBytes(): number {
  const limit = constrainedMemory() ?? 0
  return limit > 0 && limit < totalmem() ? limit : totalmem()
}
