import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, type Metrics } from '../../src/metrics/metrics.ts'

async function seriesOf(metrics: Metrics, name: string): Promise<Record<string, number>> {
  const lines = (await metrics.render()).split('\n')
  const found = lines.filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
  return Object.fromEntries(
    found.map((line) => {
      const end = line.lastIndexOf(' ')
      return [line.slice(name.length, end), Number(line.slice(end))]
    }),
  )
}

test('a request is counted under its route, not under its path', async () => {
  const metrics = createMetrics()
  const route = '/v1/models/:model/labels'
  metrics.http.answered({ method: 'GET', route, status: 200, durationMs: 20 })
  const name = 'http_request_duration_seconds'
  assert.deepEqual(await seriesOf(metrics, `${name}_count`), {
    [`{method="GET",route="${route}",status="200"}`]: 1,
  })
  const buckets = await seriesOf(metrics, `${name}_bucket`)
  assert.equal(buckets[`{le="0.01",method="GET",route="${route}",status="200"}`], 0)
  assert.equal(buckets[`{le="0.025",method="GET",route="${route}",status="200"}`], 1)
})

test('refusals are counted by their code', async () => {
  const metrics = createMetrics()
  metrics.http.rejected('overloaded')
  metrics.http.rejected('overloaded')
  assert.deepEqual(await seriesOf(metrics, 'rejected_total'), { '{reason="overloaded"}': 2 })
})

test('stages are observed in seconds', async () => {
  const metrics = createMetrics()
  metrics.stage({ stage: 'infer', model: 'm', version: '1', durationMs: 250 })
  assert.deepEqual(await seriesOf(metrics, 'classify_stage_duration_seconds_sum'), {
    '{stage="infer",model="m",version="1"}': 0.25,
  })
})

test('versions of one model share a queue depth, which goes back to zero', async () => {
  const metrics = createMetrics()
  const [old, young] = [metrics.batcher('m', '1'), metrics.batcher('m', '2')]
  assert.deepEqual(await seriesOf(metrics, 'queue_depth'), { '{model="m"}': 0 })
  old.queued(3)
  young.queued(2)
  assert.deepEqual(await seriesOf(metrics, 'queue_depth'), { '{model="m"}': 5 })
  old.queued(0)
  young.queued(0)
  assert.deepEqual(await seriesOf(metrics, 'queue_depth'), { '{model="m"}': 0 })
  young.batch(8)
  assert.deepEqual(await seriesOf(metrics, 'batch_size_sum'), { '{model="m"}': 8 })
})

test('sessions are counted in the state they are in, and restarts by their reason', async () => {
  const metrics = createMetrics()
  const sessions = metrics.sessions('m', 'cpu')
  sessions.state(1, 'starting')
  sessions.state(1, 'idle')
  sessions.state(2, 'busy')
  const label = (state: string) => `{model="m",device="cpu",state="${state}"}`
  assert.deepEqual(await seriesOf(metrics, 'sessions'), {
    [label('starting')]: 0,
    [label('idle')]: 1,
    [label('busy')]: 1,
  })
  sessions.died(2, 'crash')
  sessions.state(2, 'gone')
  sessions.state(7, 'gone') // one that was never seen takes nothing away
  const after = await seriesOf(metrics, 'sessions')
  assert.deepEqual([after[label('idle')], after[label('busy')]], [1, 0])
  assert.deepEqual(await seriesOf(metrics, 'session_restarts_total'), {
    '{model="m",device="cpu",reason="crash"}': 1,
  })
})

test('a model that is no longer served leaves no model_info behind', async () => {
  const metrics = createMetrics()
  const info = {
    ...{ model: 'm', version: '1', engine: 'onnxruntime', device: 'cpu' },
    ...{ precision: 'fp32', weights: 'random' },
  }
  metrics.modelInfo.served(info)
  assert.deepEqual(Object.values(await seriesOf(metrics, 'model_info')), [1])
  metrics.modelInfo.removed(info)
  assert.deepEqual(await seriesOf(metrics, 'model_info'), {})
})

test('the process itself is measured too, and nothing is a summary', async () => {
  const metrics = createMetrics()
  const text = await metrics.render()
  assert.match(text, /^# TYPE nodejs_eventloop_lag_seconds gauge$/m)
  assert.match(text, /^# TYPE process_resident_memory_bytes gauge$/m)
  const ours =
    /^# TYPE (http_|classify_|batch_|queue_|sessions|images_|rejected_|top1_).* summary$/m
  assert.doesNotMatch(text, ours)
  assert.match(metrics.contentType, /^text\/plain/)
})

test('two services in one process share nothing', async () => {
  const [one, other] = [createMetrics(), createMetrics()]
  one.http.rejected('overloaded')
  assert.deepEqual(await seriesOf(other, 'rejected_total'), {})
})
