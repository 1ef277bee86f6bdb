// What `classify` prints: a table for people or a line of JSON an image, and a bar while it works.
import type { Classification } from '../../classification/types.ts'
import { terminalBar } from '../progress.ts'

export type ModelResult = Pick<Classification, 'model' | 'version' | 'weights' | 'predictions'>

export type FileResult = { readonly file: string } & (
  | { readonly results: readonly ModelResult[] }
  | { readonly error: { readonly code: string; readonly detail: string } }
)

export interface Report {
  add(result: FileResult): void
  end(): void
}

interface ReportOptions {
  readonly files: readonly string[]
  readonly json: boolean
}

export function createReport({ files, json }: ReportOptions): Report {
  const bar = createBar(files.length)
  const table = createTable(files)
  const warned = new Set<string>()

  function warnOfRandom(results: readonly ModelResult[]): void {
    for (const { model, weights } of results) {
      if (weights !== 'random' || warned.has(model)) continue
      warned.add(model)
      process.stderr.write(`${model} has random weights: its answers mean nothing\n`)
    }
  }

  return {
    add(result) {
      bar.clear()
      if ('results' in result) warnOfRandom(result.results)
      if (json) process.stdout.write(`${JSON.stringify(result)}\n`)
      else process.stdout.write(table(result))
      bar.step()
    },
    end: () => bar.stop(),
  }
}

/** A bar that rows may be written above, where people watch and there is something to watch. */
function createBar(total: number) {
  const none = { clear() {}, step() {}, stop() {} }
  if (!process.stderr.isTTY || total < 2) return none
  const bar = terminalBar('{bar} {value} of {total} images, {eta_formatted} left')
  bar.start(total, 0)
  return {
    clear: () => process.stderr.write('\r\x1b[K'),
    step: () => {
      bar.increment()
      bar.render()
    },
    stop: () => bar.stop(),
  }
}

const maxFileWidth = 48
const modelWidth = 10
const labelWidth = 32

/** @returns what formats one file's rows; the first ones come under a heading */
function createTable(files: readonly string[]): (result: FileResult) => string {
  const widths = files.map((file) => visible(file).length)
  const fileWidth = widths.reduce((a, b) => Math.min(maxFileWidth, Math.max(a, b)), 4)
  const { bold, red } = createStyle()
  const row = (...[file = '', model = '', label = '', last = '']: readonly string[]) =>
    [shorten(file, fileWidth), model.padEnd(modelWidth), label.padEnd(labelWidth), last.padStart(7)]
      .join('  ')
      .trimEnd()
  const modelRows = (file: string, { model, predictions }: ModelResult) =>
    predictions.map(({ label, probability }, place) =>
      place === 0
        ? bold(row(file, model, label, percent(probability)))
        : row('', '', label, percent(probability)),
    )
  let heading = [bold(row('FILE', 'MODEL', 'CLASS', 'PERCENT'))]
  return (result) => {
    const file = visible(result.file)
    const lines =
      'error' in result
        ? [`${shorten(file, fileWidth)}  ${red(result.error.detail)}`]
        : result.results.flatMap((answer, index) => modelRows(index === 0 ? file : '', answer))
    const text = [...heading, ...lines, ''].join('\n')
    heading = []
    return text
  }
}

/** A name may hold what a terminal obeys: its colours, its title, the lines above. */
function visible(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (letter) => {
    return `\\x${letter.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}

/** The end of a path tells more than its beginning. */
function shorten(text: string, width: number): string {
  return text.length > width ? `…${text.slice(1 - width)}` : text.padEnd(width)
}

function percent(probability: number): string {
  return (probability * 100).toFixed(1)
}

/** Nothing but text where colours are not wanted (NO_COLOR, a pipe). */
function createStyle() {
  const { stdout } = process
  const isColourful = stdout.isTTY && stdout.hasColors() && !process.env.NO_COLOR
  const style = (code: number) => (text: string) =>
    isColourful ? `\x1b[${code}m${text}\x1b[0m` : text
  return { bold: style(1), red: style(31) }
}
