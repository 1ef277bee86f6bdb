// What a reload test says: counts of wrong and lost answers, and what loading costs other requests.
import { writeFile } from 'node:fs/promises'
import { machine } from '../support/machine.ts'
import { markdownTable, percentile } from '../support/statistics.ts'
import type { Drive, Sample, Way } from './drive.ts'

export interface Report {
  changed(way: Way, what: string, ms: number): void
  drove(way: Way, driven: Drive): void
  /** The test could not go on. */
  broke(error: Error): void
  /** Prints it, and writes the page where asked to. @returns the exit code */
  end(isWritten: boolean): Promise<number>
}

interface Row {
  readonly way: Way
  readonly what: string
  readonly ms: number
}

export function createReport(wanted: number): Report {
  const rows: Row[] = []
  const drives = new Map<Way, Drive>()
  const failures: string[] = []

  return {
    changed(way, what, ms) {
      rows.push({ way, what, ms })
      const place = `${rows.length}/${wanted}`
      process.stdout.write(`${place} ${way}: ${what} (${Math.round(ms)} ms)\n`)
    },
    drove(way, driven) {
      drives.set(way, driven)
      failures.push(...failuresOf(driven).map((failure) => `${way}: ${failure}`))
    },
    broke: (error) => void failures.push(error.message),
    async end(isWritten) {
      const text = [countsTable(rows, drives), latencyTable(drives), changesTable(rows)].join(
        '\n\n',
      )
      process.stdout.write(`\n${text}\n\n`)
      for (const failure of failures) process.stdout.write(`FAILED: ${failure}\n`)
      if (isWritten) await writeFile('docs/reloads.md', page(text))
      return failures.length === 0 && rows.length === wanted ? 0 : 1
    },
  }
}

/** Refusals count as lost: nothing here is ever too much for the service. */
function lostOf({ changed, other }: Drive): readonly string[] {
  const refused = [changed, other].flatMap((figure) => Object.entries(figure.refused))
  const each = refused.flatMap(([why, count]) => Array.from({ length: count }, () => why))
  return [...changed.lost, ...other.lost, ...each]
}

function failuresOf(driven: Drive): readonly string[] {
  const { changed, other, wrong, exitCode } = driven
  const lost = lostOf(driven)
  const wrongCount = changed.wrong + other.wrong
  return [
    ...(wrongCount > 0 ? [`${wrongCount} wrong answers; ${wrong[0] ?? 'of the other model'}`] : []),
    ...(lost.length > 0 ? [`${lost.length} lost answers: ${[...new Set(lost)].join(', ')}`] : []),
    ...(changed.ok === 0 || other.ok === 0 ? ['nothing was answered'] : []),
    ...(exitCode === 0 ? [] : [`exit code ${exitCode} after SIGTERM`]),
  ]
}

function countsTable(rows: readonly Row[], drives: ReadonlyMap<Way, Drive>): string {
  const lines = [...drives].map(([way, driven]) => {
    const { changed, other } = driven
    const reloads = rows.filter((row) => row.way === way).length
    const figures = [reloads, changed.sent, other.sent]
    const bad = [changed.wrong + other.wrong, lostOf(driven).length]
    return [way, ...[...figures, ...bad].map(String)]
  })
  const head = ['by', 'reloads', 'requests to it', 'to the other model', 'wrong', 'lost']
  return markdownTable([head, ...lines])
}

function latencyTable(drives: ReadonlyMap<Way, Drive>): string {
  const all = [...drives.values()].flatMap((driven) => splitByLoading(driven))
  const of = (isLoading: boolean) =>
    all.filter((sample) => sample.isLoading === isLoading).map(({ ms }) => ms)
  const [calm, loading] = [of(false), of(true)]
  const shares = [0.5, 0.95, 0.99]
  const row = (name: string, samples: readonly number[]) => [
    ...[name, String(samples.length)],
    ...shares.map((share) => percentile(samples, share).toFixed(1)),
  ]
  const ratios = shares.map((share) => percentile(loading, share) / percentile(calm, share))
  return markdownTable([
    ['requests to the other model', 'count', 'p50, ms', 'p95, ms', 'p99, ms'],
    row('while nothing loads', calm),
    row('while a version loads', loading),
    ['ratio', '', ...ratios.map((ratio) => ratio.toFixed(2))],
  ])
}

/** A load lasts until its line in the log, and began as long before as that says. */
function splitByLoading({ log, samples }: Pick<Drive, 'log' | 'samples'>) {
  const loads = log.flatMap(({ msg, time, loadMs }) => {
    if (msg !== 'model ready' || loadMs === undefined) return []
    const endedAt = time - performance.timeOrigin
    return [{ startedAt: endedAt - loadMs, endedAt }]
  })
  const overlaps = (one: Sample, other: Sample) =>
    one.startedAt <= other.endedAt && other.startedAt <= one.endedAt
  return samples.map((sample) => ({
    ms: sample.endedAt - sample.startedAt,
    isLoading: loads.some((load) => overlaps(load, sample)),
  }))
}

function changesTable(rows: readonly Row[]): string {
  const names = [...new Set(rows.map(({ what }) => what))]
  const lines = names.map((name) => {
    const times = rows.filter(({ what }) => what === name).map(({ ms }) => ms)
    return [name, String(times.length), percentile(times, 0.5).toFixed(0)]
  })
  return markdownTable([['change', 'times', 'until the first new answer, median ms'], ...lines])
}

function page(text: string): string {
  return `# Reloads under load

Written by \`npm run reload-test -- ${process.argv.slice(2).join(' ')}\` on ${machine()}.

A real server serves two small networks. One of them is changed again and again: by \`SIGHUP\`, then by polling. Clients use
both all the time. Every answer must be that of its own image, from the version and content that had to
give it: once a new version's first answer is out, nothing that is asked later may get the old one's. A refusal, a 5xx
and a broken connection all count as lost. How the service does it: [repository](repository.md).

${text}

The service leaves files alone until 2 s after the last write: that is most of what the slow copies take.
`
}
