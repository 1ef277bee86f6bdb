// Damages models and has them read in a child process with bounded memory and time.
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface FuzzOrder {
  readonly seed: number
  readonly first: number
  readonly count: number
}

/** `wrong`: damaged data was read as if whole. `crashed`: an error that is no ModelError. */
export interface FuzzAnswer {
  readonly mutation: number
  readonly outcome: 'loaded' | 'missing' | 'corrupt' | 'unsupported' | 'wrong' | 'crashed'
  readonly detail: string
  readonly ms: number
  readonly peakBytes: number
}

export interface FuzzReport {
  readonly outcomes: Readonly<Record<string, number>>
  readonly failures: readonly string[]
  readonly peakBytes: number
  readonly slowestMs: number
}

/** The models are of 40 kB: an honest reader of them needs a hundredth of this. */
const maxHeapMib = 192
const maxMemoryBytes = 512 * 1024 * 1024
/** The slowest honest reading takes a second (a circle of 2 million steps). */
const maxSilenceMs = 30_000

const childPath = fileURLToPath(new URL('./saved-model-fuzz-child.js', import.meta.url))

/** @param onProgress is told how many mutations were tried */
export async function fuzzSavedModels(
  { seed, count }: { readonly seed: number; readonly count: number },
  onProgress: (done: number) => void = () => {},
): Promise<FuzzReport> {
  const outcomes: Record<string, number> = {}
  const failures: string[] = []
  let peakBytes = 0
  let slowestMs = 0
  let next = 0
  while (next < count) {
    const order = { seed, first: next, count: count - next }
    const end = await runChild(order, (answer) => {
      next = answer.mutation + 1
      outcomes[answer.outcome] = (outcomes[answer.outcome] ?? 0) + 1
      peakBytes = Math.max(peakBytes, answer.peakBytes)
      slowestMs = Math.max(slowestMs, answer.ms)
      if (answer.outcome === 'crashed' || answer.outcome === 'wrong') {
        failures.push(`seed ${seed}, mutation ${answer.mutation}: ${answer.detail}`)
      }
      onProgress(next)
    })
    if (end !== undefined) {
      failures.push(`seed ${seed}, mutation ${next}: ${end}`)
      next += 1
    }
  }
  if (peakBytes > maxMemoryBytes) {
    failures.push(`seed ${seed}: ${peakBytes} bytes of memory, ${maxMemoryBytes} are allowed`)
  }
  return { outcomes, failures, peakBytes, slowestMs }
}

/** Resolves to how the child ended where it did not finish its order. */
function runChild(
  order: FuzzOrder,
  onAnswer: (answer: FuzzAnswer) => void,
): Promise<string | undefined> {
  const child: ChildProcess = fork(childPath, {
    execArgv: ['--enable-source-maps', `--max-old-space-size=${maxHeapMib}`],
  })
  return new Promise((resolve, reject) => {
    let hung = false
    let left = order.count
    const watchdog = setTimeout(() => {
      hung = true
      child.kill('SIGKILL')
    }, maxSilenceMs)
    child.on('message', (answer: FuzzAnswer) => {
      watchdog.refresh()
      left -= 1
      onAnswer(answer)
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      clearTimeout(watchdog)
      const ended = hung ? `no answer for ${maxSilenceMs} ms` : `ended with ${signal ?? code}`
      resolve(left === 0 ? undefined : ended)
    })
    child.send(order)
  })
}
