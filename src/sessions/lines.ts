// What a session process writes to its standard streams, a line at a time.
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** A library that writes without line ends must not fill this process's memory. */
const maxLineChars = 8192

/** Calls `onLine` with every line of `stream`; longer ones come in pieces. */
export function forEachLine(stream: Readable, onLine: (line: string) => void): void {
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
