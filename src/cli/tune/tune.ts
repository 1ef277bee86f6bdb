// `tune`: tries sessions x threads x batch size x delay on the real service under load, and writes
// the fastest configuration whose p99 is within the target.
import { open, writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { cores, readConfig } from '../../config.ts'
import { messageOf, UsageError } from '../../errors.ts'
import { defaultModelIn } from '../models/default-model.ts'
import { inOneLine } from '../one-line.ts'
import { wholeNumber, wholeNumbers, wordOrNumbers } from '../option-forms.ts'
import { frontierPlot } from './frontier-plot.ts'
import { measureSetting, type Trial, type TuneSetting } from './tune-trial.ts'

interface TuneOptions {
  readonly p99: number
  readonly clients: number
  readonly seconds: number
  readonly model?: string
  readonly batches: readonly TuneSetting['maxBatchSize'][]
  readonly delays: readonly number[]
  readonly output?: string
  readonly plot?: string
}

const hourMs = 3_600_000
/** As MAX_BATCH_SIZE and MAX_QUEUE_DELAY_MS. */
const maxBatch = 256
const maxDelayMs = 10_000

export function tuneCommand(): Command {
  return new Command('tune')
    .description('find the fastest sessions, threads, batch size and delay for this machine')
    .option(
      '--p99 <ms>',
      'the slowest answer of a hundred may take this long',
      wholeNumber(1, hourMs),
      500,
    )
    .option('--clients <n>', 'clients that ask all the time', wholeNumber(1, 4096), 16)
    .option('--seconds <n>', 'measured for each setting', wholeNumber(1, 3600), 5)
    .option('--model <name>', 'the model to ask (default: DEFAULT_MODEL)')
    .option('--batches <list>', 'batch sizes to try', wordOrNumbers('auto', 1, maxBatch), [
      'auto',
      1,
      4,
      8,
    ])
    .option('--delays <list>', 'MAX_QUEUE_DELAY_MS to try', wholeNumbers(0, maxDelayMs), [0, 5])
    .option('--output <file>', 'writes the configuration here (default: standard output)')
    .option('--plot <file>', 'draws throughput against p99 as an SVG')
    .action(inOneLine(tune))
}

async function tune(options: TuneOptions): Promise<void> {
  const model = options.model ?? (await defaultModelIn(readConfig(process.env)))
  const settings = settingsToTry(options.batches, options.delays)
  for (const path of [options.output, options.plot]) {
    if (path !== undefined) await assertWritable(path)
  }
  const trials: Trial[] = []
  for (const [index, setting] of settings.entries()) {
    process.stderr.write(`${index + 1} of ${settings.length}: ${shown(setting)}\n`)
    try {
      const trial = await measureSetting(setting, { ...options, model })
      process.stderr.write(
        `  ${trial.imagesPerSecond.toFixed(1)} images/s, p99 ${trial.p99Ms.toFixed(0)} ms\n`,
      )
      trials.push(trial)
    } catch (error) {
      process.stderr.write(`  left out: ${messageOf(error)}\n`)
    }
  }
  if (trials.length === 0) throw new UsageError('no setting could be measured; see above')
  const within = trials.filter(({ p99Ms }) => p99Ms <= options.p99)
  const best = fastest(within.length > 0 ? within : [leastP99(trials)])
  process.stdout.write(frontierTable(trials, best))
  if (within.length === 0) {
    process.stdout.write(`no setting keeps p99 within ${options.p99} ms; this one comes closest\n`)
  }
  if (options.plot !== undefined) await writeFile(options.plot, plotOf(trials, best, options))
  const text = environmentFile(best)
  if (options.output === undefined) process.stdout.write(text)
  else await writeFile(options.output, text)
}

/** Before minutes of measuring, whose result would be lost. @throws UsageError */
async function assertWritable(path: string): Promise<void> {
  try {
    await (await open(path, 'a')).close() // what is in it stays until there is something better
  } catch (error) {
    throw new UsageError(`${path} cannot be written: ${messageOf(error)}; name another file`)
  }
}

function plotOf(trials: readonly Trial[], best: Trial, { p99 }: TuneOptions): string {
  const frontier = trials.filter((trial) => isOnFrontier(trial, trials))
  return frontierPlot({ trials, frontier, best, p99Ms: p99, name: shown })
}

/**
 * What the service chooses by itself, where the lists allow it, and every way of dividing the cores into sessions, with each batch
 * size; a delay only where it can act, and with a size that has a number: `auto` does without.
 */
function settingsToTry(
  batches: readonly TuneSetting['maxBatchSize'][],
  delays: readonly number[],
): TuneSetting[] {
  const counts = [1, 2, 4, 8, 16, 32].filter((count) => count <= cores())
  const divided = counts.flatMap((sessions) =>
    batches.flatMap((maxBatchSize) =>
      delays
        .filter((delay) => delay === 0 || (maxBatchSize !== 1 && maxBatchSize !== 'auto'))
        .map((maxQueueDelayMs) => ({
          sessions,
          threads: Math.max(1, Math.floor(cores() / sessions)),
          maxBatchSize,
          maxQueueDelayMs,
        })),
    ),
  )
  const isAllowed = batches.includes('auto') && delays.includes(0)
  return isAllowed ? [ownChoice, ...divided] : divided
}

const ownChoice: TuneSetting = {
  sessions: 'auto',
  threads: 'auto',
  maxBatchSize: 'auto',
  maxQueueDelayMs: 0,
}

function fastest(trials: readonly Trial[]): Trial {
  return trials.reduce((a, b) => (b.imagesPerSecond > a.imagesPerSecond ? b : a))
}

function leastP99(trials: readonly Trial[]): Trial {
  return trials.reduce((a, b) => (b.p99Ms < a.p99Ms ? b : a))
}

/** No other setting is both faster and has a lower p99. */
function isOnFrontier(trial: Trial, trials: readonly Trial[]): boolean {
  return !trials.some(
    (other) => other.imagesPerSecond > trial.imagesPerSecond && other.p99Ms < trial.p99Ms,
  )
}

const barWidth = 30
const settingWidth = 52

/** A row a setting, fastest first; the bar is its throughput, stars are the frontier. */
function frontierTable(trials: readonly Trial[], best: Trial): string {
  const top = fastest(trials).imagesPerSecond
  const rows = trials
    .toSorted((a, b) => b.imagesPerSecond - a.imagesPerSecond)
    .map((trial) => {
      const mark = trial === best ? '>' : isOnFrontier(trial, trials) ? '*' : ' '
      const bar = '#'.repeat(Math.round((trial.imagesPerSecond / top) * barWidth))
      const rate = trial.imagesPerSecond.toFixed(1).padStart(8)
      const p99 = trial.p99Ms.toFixed(0).padStart(7)
      return `${mark} ${shown(trial).padEnd(settingWidth)}${rate}${p99}  ${bar}\n`
    })
  const head = `  ${'setting'.padEnd(settingWidth)}${'images/s'.padStart(8)}${'p99 ms'.padStart(7)}\n`
  return `${head}${rows.join('')}* on the frontier: nothing is faster with a lower p99   > chosen\n`
}

function shown({ sessions, threads, maxBatchSize, maxQueueDelayMs }: TuneSetting): string {
  return `${sessions} sessions x ${threads} threads, batch ${maxBatchSize}, delay ${maxQueueDelayMs} ms`
}

function environmentFile({
  sessions,
  threads,
  maxBatchSize,
  maxQueueDelayMs,
  imagesPerSecond,
  p99Ms,
}: Trial): string {
  return `# Found by resnet-serving tune: ${imagesPerSecond.toFixed(1)} images/s, p99 ${p99Ms.toFixed(0)} ms
SESSIONS_PER_DEVICE=${sessions}
THREADS_PER_SESSION=${threads}
MAX_BATCH_SIZE=${maxBatchSize}
MAX_QUEUE_DELAY_MS=${maxQueueDelayMs}
`
}
