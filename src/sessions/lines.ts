// What a session process writes to its standard streams, a line at a time.
import type { ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** A library that writes without line ends must not fill this process's memory. */
const maxLineChars = 8192

/** Calls `onLine` with every line of `stream`; longer ones come in pieces. */
function forEachLine(stream: Readable, onLine: (line: string) => void): void {
  const decoder = new StringDecoder('utf8')
  let open = ''
  const add = (text: string) => {
    const lines = (open + text).split('\n')
    open = lines.pop() ?? ''
    if (open.length > maxLineChars) {
      lines.push(open)
      open = ''
    }
    for (const line of lines) if (line.trim() !== '') onLine(line.slice(0, maxLineChars).trimEnd())
  }
  stream.on('data', (chunk: Buffer) => add(decoder.write(chunk)))
  stream.on('end', () => add(`${decoder.end()}\n`))
  stream.on('error', () => {}) // the process's end is told elsewhere
}

/** Both standard streams of a process, line by line. */
export function forwardLines(
  child: ChildProcess,
  onLine: (line: { readonly stream: 'stdout' | 'stderr'; readonly text: string }) => void,
): void {
  for (const stream of ['stdout', 'stderr'] as const) {
    const readable = child[stream]
    if (!readable) continue // not there when the process could not be started
    forEachLine(readable, (text) => onLine({ stream, text }))
  }
}
