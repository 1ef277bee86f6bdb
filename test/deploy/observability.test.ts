// The dashboard, the alert rules and the runbook speak of metrics that a live service really has.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { sharp } from '../../src/imaging/sharp.ts'
import { type Service, startService } from '../support/service.ts'

const project = fileURLToPath(new URL('../../../', import.meta.url))
const folder = join(project, 'deploy/observability')
const rulesFolder = join(folder, 'prometheus')

let service: Service
let metrics: string
before(async () => {
  service = await startService()
  const picture = await sharp({
    create: { width: 64, height: 64, channels: 3, background: '#808080' },
  })
    .png()
    .toBuffer()
  const body = new Uint8Array(picture)
  await fetch(`${service.origin}/v1/classify`, { method: 'POST', body })
  metrics = await (await fetch(`${service.origin}/metrics`)).text()
})
after(() => service.close())

/** Names that an expression of PromQL selects: words that are neither functions nor labels. */
function metricsIn(expression: string): string[] {
  const bare = expression
    .replace(/"[^"]*"/g, '')
    .replace(/\{[^}]*\}/g, ' ')
    .replace(/\[[^\]]*\]/g, ' ')
    .replace(/\b(by|without|on|ignoring)\s*\([^)]*\)/g, ' ')
  const names = bare.match(/(?<![\w.])[a-zA-Z_:][\w:]*(?![\w:]*\s*\()/g) ?? []
  return names.filter((name) => !operators.has(name))
}

const operators = new Set(['and', 'or', 'unless', 'offset', 'bool'])

/** Of series, and of metrics that have none yet (no session has died). */
const livingNames = () =>
  new Set(
    [...metrics.matchAll(/^(?:# TYPE )?([a-zA-Z_:][\w:]*)[{ ]/gm)].map(([, name = '']) => name),
  )

/** Prometheus makes these itself. */
const itsOwn = new Set(['up', 'ALERTS'])

interface Rule {
  readonly alert?: string
  readonly record?: string
  readonly expr: string
  readonly annotations?: { readonly runbook_url: string }
}

async function rules(): Promise<readonly Rule[]> {
  const { groups } = parse(await readFile(join(rulesFolder, 'rules.yml'), 'utf8')) as {
    groups: readonly { readonly rules: readonly Rule[] }[]
  }
  return groups.flatMap((group) => group.rules)
}

/** Every `expr` below a value of JSON. */
function expressionsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(expressionsOf)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'expr' && typeof inner === 'string' ? [inner] : expressionsOf(inner),
  )
}

test('every metric of the dashboard is one that a live service has', async () => {
  const file = join(folder, 'grafana/dashboards/resnet-serving.json')
  const expressions = expressionsOf(JSON.parse(await readFile(file, 'utf8')))
  const known = livingNames()
  const unknown = expressions
    .flatMap(metricsIn)
    .filter((name) => !known.has(name) && !itsOwn.has(name))
  assert.ok(expressions.length > 25, `${expressions.length} expressions`)
  assert.deepEqual(unknown, [])
})

test('every metric of the alert rules is one that a live service has, or recorded by a rule', async () => {
  const all = await rules()
  const known = livingNames()
  for (const { record } of all) if (record !== undefined) known.add(record)
  const unknown = all
    .flatMap(({ expr }) => metricsIn(expr))
    .filter((name) => !known.has(name) && !itsOwn.has(name))
  assert.deepEqual(unknown, [])
})

test('a metric that does not exist would be noticed', () => {
  assert.deepEqual(metricsIn('sum by (le) (rate(no_such_total{a="b"}[5m])) / 2e9'), [
    'no_such_total',
  ])
})

test('the dashboard shows every metric that DESIGN.md §7 lists', async () => {
  const file = join(folder, 'grafana/dashboards/resnet-serving.json')
  const text = await readFile(file, 'utf8')
  const listed = [
    ...['http_request_duration_seconds', 'classify_stage_duration_seconds', 'batch_size'],
    ...['queue_depth', 'sessions', 'images_total', 'rejected_total', 'image_format_total'],
    ...['top1_probability', 'model_info'],
  ]
  assert.deepEqual(
    listed.filter((name) => !new RegExp(`\\b${name}(_bucket|_sum|_count)?\\{`).test(text)),
    [],
  )
})

test('docs/observability.md has a row for every metric of the service', async () => {
  const page = await readFile(join(project, 'docs/observability.md'), 'utf8')
  const rows = page.match(/^\| `.*/gm)?.join('\n') ?? ''
  const own = [...metrics.matchAll(/^# TYPE (?!nodejs_|process_)(\w+)/gm)].map(([, name]) => name)
  assert.ok(own.length > 15)
  assert.deepEqual(
    own.filter((name) => !rows.includes(`\`${name}\``)),
    [],
  )
})

test('every alert has lines in the runbook, where its annotation says', async () => {
  const runbook = await readFile(join(project, 'docs/runbook.md'), 'utf8')
  const headings = new Set(
    [...runbook.matchAll(/^## (\w+)$/gm)].map(([, name = '']) => name.toLowerCase()),
  )
  for (const { alert, annotations } of await rules()) {
    if (alert === undefined) continue
    assert.equal(annotations?.runbook_url, `docs/runbook.md#${alert.toLowerCase()}`)
    assert.ok(headings.has(alert.toLowerCase()), `docs/runbook.md has no section ${alert}`)
  }
})

const hasPromtool = spawnSync('promtool', ['--version']).status === 0
const skip = hasPromtool ? false : 'needs promtool (Debian: prometheus)'

test('promtool finds nothing to say about the metrics', { skip }, () => {
  const { status, stdout, stderr } = promtool(['check', 'metrics'], metrics)
  assert.equal(status, 0, stdout + stderr)
})

test('promtool accepts the configuration and the rules, and each alert fires', { skip }, () => {
  for (const args of [
    ['check', 'config', 'prometheus.yml'],
    ['check', 'rules', 'rules.yml'],
    ['test', 'rules', 'rules.test.yml'],
  ]) {
    const { status, stdout, stderr } = promtool(args)
    assert.equal(status, 0, stdout + stderr)
  }
})

function promtool(args: readonly string[], input = '') {
  return spawnSync('promtool', args, { cwd: rulesFolder, input, encoding: 'utf8' })
}
