// Fetches one large file whose SHA-256 is known; what an interrupted download left is continued.
// Ranges: https://www.rfc-editor.org/rfc/rfc9110#section-14
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Agent, type Dispatcher, EnvHttpProxyAgent, fetch, type Response } from 'undici'
import { messageOf } from '../errors.ts'
import { DownloadError } from './download-error.ts'

export interface Download {
  readonly url: URL
  readonly sha256: string
  /** Where the file goes once it is whole and right; beside it `.part` grows. */
  readonly target: string
  readonly maxBytes: number
  /** A server that sends nothing for this long is given up. */
  readonly silenceMs?: number
  readonly onProgress?: (receivedBytes: number, totalBytes: number | null) => void
}

/** Long enough for a slow name server and a distant host, short enough to wait for at a start. */
const defaultSilenceMs = 15_000
/** Also a server that keeps trickling ends some time: 102 MB in this is 57 kB a second. */
const longestMs = 30 * 60_000
/** How often a connection that broke in the middle is taken up again before giving up. */
const maxContinuations = 5

/**
 * Downloads to `target`.
 * @throws DownloadError naming the address and what went wrong; what arrived stays for the next try,
 * unless it proved to be the wrong file
 */
export async function download(options: Download): Promise<void> {
  const part = `${options.target}.part`
  await mkdir(dirname(part), { recursive: true })
  const dispatcher = createDispatcher(options.silenceMs ?? defaultSilenceMs)
  try {
    const continued = (await sizeOf(part)) > 0
    await fetchWhole(options, part, dispatcher)
    const found = await sha256Of(part)
    if (found !== options.sha256) {
      await rm(part, { force: true })
      // What an earlier run left may have been of another file: once more from the beginning.
      if (continued) return await download(options)
      const wanted = `SHA-256 is ${found}, expected ${options.sha256}; it was thrown away`
      throw new DownloadError(`${options.url} is not the file expected: its ${wanted}`)
    }
    await rename(part, options.target)
  } finally {
    await dispatcher.destroy()
  }
}

/** The SHA-256 of a file, in hexadecimal. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/** Connections that give up after a silence, through the environment's proxy if it names one. */
export function createDispatcher(silenceMs: number): Dispatcher {
  const options = {
    connect: { timeout: silenceMs },
    headersTimeout: silenceMs,
    bodyTimeout: silenceMs,
  }
  const { env } = process
  const proxied = env.http_proxy ?? env.HTTP_PROXY ?? env.https_proxy ?? env.HTTPS_PROXY
  return proxied ? createProxyAgent(options) : new Agent(options)
}

/** undici 6 warns that its agent may change; it is pinned, and whoever downloads cannot act on it. */
function createProxyAgent(options: Agent.Options): Dispatcher {
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return new EnvHttpProxyAgent(options)
  } finally {
    process.emitWarning = emitWarning
  }
}

/** Appends to `part` until it is whole, as long as each connection brings something. */
async function fetchWhole(options: Download, part: string, dispatcher: Dispatcher): Promise<void> {
  const signal = AbortSignal.timeout(longestMs)
  for (let attempt = 0; ; attempt++) {
    const before = await sizeOf(part)
    try {
      return await fetchRest(options, part, { dispatcher, signal, begin: before })
    } catch (error) {
      if (error instanceof DownloadError || isFileError(error)) throw error
      const received = await sizeOf(part)
      if (received > before && attempt < maxContinuations) continue
      throw new DownloadError(
        `${options.url} could not be downloaded: ${reasonOf(error)}${arrived(received)}`,
        { cause: error },
      )
    }
  }
}

interface Connection {
  readonly dispatcher: Dispatcher
  readonly signal: AbortSignal
  /** The first byte that is missing. */
  readonly begin: number
}

async function fetchRest(options: Download, part: string, connection: Connection): Promise<void> {
  const { dispatcher, signal, begin } = connection
  const { url, maxBytes, onProgress } = options
  const response = await fetch(url, {
    dispatcher,
    signal,
    headers: { 'accept-encoding': 'identity', ...(begin > 0 && { range: `bytes=${begin}-` }) },
  })
  if (response.status === 416) {
    // Nothing follows what is here: either it is whole, which its checksum tells, or it is not ours.
    await response.body?.cancel()
    return
  }
  const { start, total } = rangeOf(response, begin, url)
  if (total !== null && total > maxBytes) {
    throw new DownloadError(`${url} has ${total} bytes, at most ${maxBytes} are expected`)
  }
  if (response.body === null) throw new DownloadError(`${url} answered without a body`)
  let received = start
  onProgress?.(received, total)
  await pipeline(
    Readable.fromWeb(response.body),
    async function* count(chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        received += chunk.byteLength
        if (received > maxBytes) {
          throw new DownloadError(`${url} sends more than the ${maxBytes} bytes expected`)
        }
        onProgress?.(received, total)
        yield chunk
      }
    },
    createWriteStream(part, { flags: start > 0 ? 'a' : 'w' }),
  )
  if (total !== null && received !== total) {
    throw new Error(`the connection ended at byte ${received} of ${total}`)
  }
}

/** Where the answer's bytes begin, and how many the file has in all. */
function rangeOf(
  response: Response,
  begin: number,
  url: URL,
): { start: number; total: number | null } {
  const { status, statusText, headers } = response
  if (status === 200) {
    const length = headers.get('content-length')
    return { start: 0, total: length === null ? null : Number(length) }
  }
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '')
  if (status === 206 && Number(range?.[1]) === begin) {
    return { start: begin, total: Number(range?.[2]) }
  }
  throw new DownloadError(`${url} answered ${status} ${statusText}`.trimEnd())
}

async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}

/** A full disk or a folder that may not be written: no matter of the network. */
function isFileError(error: unknown): boolean {
  const codes = ['ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS', 'ENOENT', 'EISDIR', 'EIO']
  return codes.includes(String((error as NodeJS.ErrnoException | undefined)?.code))
}

/** undici hides the reason in `cause`, Node hides those of several addresses in `errors`. */
export function reasonOf(error: unknown): string {
  const { cause, errors, code } = error as {
    cause?: unknown
    errors?: readonly unknown[]
    code?: string
  }
  if (cause !== undefined) return reasonOf(cause)
  if (errors?.[0] !== undefined) return reasonOf(errors[0])
  return messageOf(error) || String(code)
}

function arrived(receivedBytes: number): string {
  return receivedBytes === 0 ? '' : ` (${receivedBytes} bytes are here; the next try continues)`
}
