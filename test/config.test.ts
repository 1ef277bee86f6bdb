import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flagOf, readConfig, variables } from '../src/config.ts'

test('without any variable the defaults of the table hold', () => {
  const config = readConfig({})
  assert.equal(config.host, '127.0.0.1')
  assert.equal(config.port, 8080)
  assert.equal(config.defaultModel, '', 'resnet50, or the only one there is')
  assert.equal(config.maxQueueSize, 256)
  assert.equal(config.maxBatchSize, 'auto')
  assert.equal(config.maxImageBytes, 20 * 1024 * 1024)
  assert.deepEqual(config.imageFormats, ['jpeg', 'png', 'webp', 'gif'])
  assert.deepEqual(config.apiKeys, [])
})

test('a flag wins over the environment, the environment over the default', () => {
  const environment = { PORT: '9000', LOG_LEVEL: 'warn' }
  const config = readConfig(environment, { PORT: '9001' })
  assert.equal(config.port, 9001)
  assert.equal(config.logLevel, 'warn')
})

test('an empty variable counts as unset', () => {
  assert.equal(readConfig({ PORT: '' }).port, 8080)
  assert.deepEqual(readConfig({ API_KEYS: '' }).apiKeys, [])
})

test('blanks count as unset, and never as every address of the machine', () => {
  assert.equal(readConfig({ HOST: ' ' }).host, '127.0.0.1')
  assert.equal(readConfig({ MODEL_REPOSITORY: '\t' }).modelRepository, './models')
  for (const name of ['HOST', 'MODEL_REPOSITORY']) {
    for (const value of ['', ' ']) {
      const message = new RegExp(`^${name} is "": empty; expected a text that is not empty$`)
      assert.throws(() => readConfig({}, { [name]: value }), { message })
    }
  }
})

test('keys that were meant and are not there do not open the service to everybody', () => {
  for (const value of [',', ' ', ' , ,']) {
    const message = /^API_KEYS is \*\*\*: it holds no key; expected a comma-separated list$/
    assert.throws(() => readConfig({ API_KEYS: value }), { message })
    assert.throws(() => readConfig({}, { API_KEYS: value }), { message })
  }
  assert.deepEqual(readConfig({}, { API_KEYS: '' }).apiKeys, [])
})

test('a bad value is refused in one line with variable, value and form', () => {
  const refusals: [string, string, RegExp][] = [
    [
      'PORT',
      'http',
      /^PORT is "http": not a whole number; expected a whole number from 0 to 65535$/,
    ],
    ['PORT', '70000', /^PORT is "70000": too large/],
    ['ENGINE', 'cuda', /^ENGINE is "cuda": unknown; expected one of auto, onnxruntime/],
    ['MAX_BATCH_SIZE', '0', /^MAX_BATCH_SIZE is "0": too small; expected auto or a whole number/],
    ['IMAGE_FORMATS', 'jpeg,svg', /^IMAGE_FORMATS is "jpeg,svg": unknown/],
    ['IMAGE_FORMATS', ',', /^IMAGE_FORMATS is ",": empty/],
    ['REQUEST_TIMEOUT_MS', '1e3', /^REQUEST_TIMEOUT_MS is "1e3": not a whole number/],
    ['TRUST_PROXY', '10.0.0.1,nginx', /^TRUST_PROXY is "10.0.0.1,nginx": nginx is none; expected/],
    ['TRUST_PROXY', '10.0.0.0/33', /^TRUST_PROXY is "10.0.0.0\/33": 10.0.0.0\/33 is none/],
    [
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'collector:4317',
      /is "collector:4317": not one; expected an http/,
    ],
    [
      'API_KEYS',
      `sha256:${'0'.repeat(63)}`,
      /^API_KEYS is "?\*\*\*"?: what follows sha256: is not 64/,
    ],
  ]
  for (const [name, value, message] of refusals) {
    assert.throws(() => readConfig({ [name]: value }), { name: 'UsageError', message })
  }
})

test('a delay that leaves no request any time is refused', () => {
  const environment = { MAX_QUEUE_DELAY_MS: '300', REQUEST_TIMEOUT_MS: '300' }
  const message = /^MAX_QUEUE_DELAY_MS is 300, and REQUEST_TIMEOUT_MS is 300: [^\n]*expected less$/
  assert.throws(() => readConfig(environment), { name: 'UsageError', message })
  assert.equal(readConfig({ ...environment, REQUEST_TIMEOUT_MS: '301' }).maxQueueDelayMs, 300)
})

test('proxies are addresses, ranges of them, or networks that have a name', () => {
  const proxies = ['127.0.0.1', '10.0.0.0/8', '10.0.0.0/255.0.0.0', 'fd00::/8', '::1', 'loopback']
  assert.deepEqual(readConfig({ TRUST_PROXY: proxies.join() }).trustProxy, proxies)
})

test('lists drop spaces and empty items', () => {
  assert.deepEqual(readConfig({ API_KEYS: ' a , ,b,' }).apiKeys, ['a', 'b'])
})

test('every variable has a flag and a meaning', () => {
  for (const { name, meaning } of Object.values(variables)) {
    assert.match(flagOf(name), /^--[a-z]+(-[a-z]+)*$/)
    assert.ok(meaning.length > 10, name)
  }
})
