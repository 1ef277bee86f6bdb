import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keptInCrowd, overRounds } from '../../bench/compare/ratios.ts'
import type { Comparison, Figures, Point } from '../../bench/compare/results.ts'
import { jackknife } from '../../bench/support/statistics.ts'

const name = 'this service, openvino'

function point(load: number, imagesPerSecond: number): Point {
  const latencies = { p50Ms: 1, p95Ms: 1, p99Ms: 1 }
  const rest = { goodput: 0, failedPerSecond: 0, cores: 1, memoryBytes: 1 }
  return { load, imagesPerSecond, ...latencies, ...rest }
}

function round(closed: readonly Point[]): Figures {
  return { contenders: [{ name, startMs: 1, closed, open: [] }], bare: [] }
}

function comparison(each: readonly Figures[]): Comparison {
  const setting = { model: 'm', machine: 'x', images: 1, threads: 2, maxBatchSize: 8 }
  const [first = round([])] = each
  return { ...first, ...setting, rounds: each.length, windowMs: 1000, each, absent: [] }
}

test('the jackknife gives a mean its usual standard error', () => {
  const samples = [3, 5, 10, 14]
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length
  const deviations = samples.reduce((sum, value) => sum + (value - 8) ** 2, 0)
  const { value, error } = jackknife(samples, mean)
  assert.equal(value, 8)
  assert.ok(Math.abs(error - Math.sqrt(deviations / 3 / 4)) < 1e-12)
})

test('one round tells nothing of its own error', () => {
  assert.ok(Number.isNaN(jackknife([1], ([value = 0]) => value).error))
})

test('a crowd keeps its throughput where slow and fast rounds even out, whichever load they met', () => {
  const slowThenFast = round([point(1, 9), point(32, 50), point(512, 100)])
  const fastThenSlow = round([point(1, 9), point(32, 100), point(512, 50)])
  const kept = keptInCrowd(comparison([slowThenFast, fastThenSlow]), name)
  assert.equal(kept.value, 1)
  assert.ok(kept.error > 0.2, 'and says that two such rounds prove little')
})

test('what one client gets is no part of a crowd', () => {
  const rounds = [round([point(1, 500), point(32, 50), point(512, 40)])]
  assert.equal(keptInCrowd(comparison(rounds), name).value, 0.8)
  const noCrowds = [round([point(1, 500), point(32, 50)])]
  assert.ok(Number.isNaN(keptInCrowd(comparison(noCrowds), name).value))
})

test('rounds in which something was not measured do not count', () => {
  const rounds = [round([point(32, 50)]), round([]), round([point(32, 70)])]
  const figure = ({ contenders }: Figures) =>
    contenders[0]?.closed[0]?.imagesPerSecond ?? Number.NaN
  assert.equal(overRounds(comparison(rounds), figure), 60)
})
