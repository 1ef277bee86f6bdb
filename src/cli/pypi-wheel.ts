// Gets one exact file of a Python package (a wheel: a zip of libraries) without needing Python.
// pip is asked first, because people configure their mirror, proxy and certificates there; else the
// file comes from the package index itself. Either way its size and SHA-256 must be the pinned ones.
// Index API: https://packaging.python.org/en/latest/specifications/simple-repository-api/
// File names: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Agent, type Dispatcher, EnvHttpProxyAgent, fetch } from 'undici'
import { messageOf, UsageError } from '../errors.ts'
import { downloadWithPip } from './pip-download.ts'

/** One file of one release, pinned. */
export interface Wheel {
  /** `<project>-<version>[-<build>]-<python>-<abi>-<platform>.whl` */
  readonly filename: string
  /** Lower-case hexadecimal. */
  readonly sha256: string
  readonly sizeBytes: number
}

export interface FetchWheelOptions {
  /** An existing folder; the wheel is written into it under its own name. */
  readonly folder: string
  /** The index to ask when pip is not used. */
  readonly indexUrl?: string
  /** `false` leaves pip out and asks the index at once. */
  readonly usePip?: boolean
  /** Bytes so far of the direct download; pip shows its own progress on stderr. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void
  /** One line a step, for the person who waits. */
  readonly say?: (line: string) => void
}

export const pypiIndexUrl = 'https://pypi.org/simple'
/** A connection that delivers nothing for this long is given up. */
const stallMs = 60_000

/**
 * Downloads a wheel and checks it.
 * @returns the path of the verified file
 * @throws UsageError that says which way failed and what to do; nothing is left in `folder` then
 */
export async function fetchWheel(wheel: Wheel, options: FetchWheelOptions): Promise<string> {
  const say = options.say ?? (() => {})
  if (options.usePip ?? true) {
    const answer = await downloadWithPip(wheel.filename, options.folder)
    if (answer.path !== null) return verified(answer.path, wheel, 'pip')
    say(`pip did not get ${wheel.filename} (${answer.reason}); asking the package index directly`)
  }
  return downloadFromIndex(wheel, options)
}

/** Checks a file against its pin. @throws UsageError; the file is removed then */
async function verified(path: string, wheel: Wheel, source: string): Promise<string> {
  const sizeBytes = (await stat(path)).size
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return accept(path, wheel, { source, sizeBytes, sha256: hash.digest('hex') })
}

async function accept(
  path: string,
  wheel: Wheel,
  found: { readonly source: string; readonly sizeBytes: number; readonly sha256: string },
): Promise<string> {
  if (found.sizeBytes === wheel.sizeBytes && found.sha256 === wheel.sha256) return path
  await rm(path, { force: true })
  const difference =
    found.sizeBytes === wheel.sizeBytes
      ? `SHA-256 ${found.sha256}, expected ${wheel.sha256}`
      : `${found.sizeBytes} bytes, expected ${wheel.sizeBytes}`
  throw new UsageError(
    `${wheel.filename} from ${found.source} is not the published file: ${difference}. ` +
      'Nothing was installed. Run the command again; if it stays so, the mirror or proxy in ' +
      'between alters files.',
  )
}

async function downloadFromIndex(wheel: Wheel, options: FetchWheelOptions): Promise<string> {
  const dispatcher = createDispatcher()
  const path = join(options.folder, wheel.filename)
  try {
    const url = await wheelUrl(wheel, options.indexUrl ?? pypiIndexUrl, dispatcher)
    const response = await get(url, '*/*', dispatcher)
    const meter = createMeter(wheel, options.onProgress)
    await pipeline(Readable.fromWeb(response.body), meter.stream, createWriteStream(path))
    return await accept(path, wheel, { source: 'the package index', ...meter.result() })
  } catch (error) {
    await rm(path, { force: true })
    if (error instanceof UsageError) throw error
    throw new UsageError(
      `could not download ${wheel.filename} from the package index: ${reasonOf(error)}. ` +
        'Check the network (HTTPS_PROXY is honoured) and run the command again.',
      { cause: error },
    )
  } finally {
    await dispatcher.destroy()
  }
}

/** Through the proxy that the environment names, if any (the proxy agent warns of itself when made). */
function createDispatcher(): Dispatcher {
  const timeouts = { headersTimeout: stallMs, bodyTimeout: stallMs }
  const proxied = Object.keys(process.env).some((name) => /^https?_proxy$/i.test(name))
  return proxied ? new EnvHttpProxyAgent(timeouts) : new Agent(timeouts)
}

/** Counts and hashes what passes; more bytes than the pin says end the stream. */
function createMeter(wheel: Wheel, onProgress: FetchWheelOptions['onProgress']) {
  const hash = createHash('sha256')
  let sizeBytes = 0
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sizeBytes += chunk.length
      hash.update(chunk)
      onProgress?.(sizeBytes, wheel.sizeBytes)
      const tooLong = sizeBytes > wheel.sizeBytes
      done(
        tooLong ? new Error(`more than the expected ${wheel.sizeBytes} bytes came`) : null,
        chunk,
      )
    },
  })
  return { stream, result: () => ({ sizeBytes, sha256: hash.digest('hex') }) }
}

async function get(url: string | URL, accept: string, dispatcher: Dispatcher) {
  const response = await fetch(url, { headers: { accept }, dispatcher })
  if (!response.ok || response.body === null) {
    throw new Error(`${new URL(url).host} answered ${response.status} ${response.statusText}`)
  }
  return { body: response.body, json: () => response.json(), headers: response.headers }
}

async function wheelUrl(wheel: Wheel, indexUrl: string, dispatcher: Dispatcher) {
  const page = new URL(`${indexUrl.replace(/\/+$/, '')}/${projectOf(wheel)}/`)
  const type = 'application/vnd.pypi.simple.v1+json'
  const response = await get(page, type, dispatcher)
  const found = response.headers.get('content-type') ?? 'no content type'
  if (!found.includes('json')) {
    throw new Error(`${page.host} answered ${found}; an index that speaks ${type} is needed`)
  }
  const listing = (await response.json()) as { files?: { filename?: string; url?: string }[] }
  const file = listing.files?.find((entry) => entry.filename === wheel.filename)
  if (file?.url === undefined) throw new Error(`the index at ${page.host} does not list it`)
  const url = new URL(file.url, page)
  if (url.protocol !== 'https:' && url.protocol !== page.protocol) {
    throw new Error(`the index names it at ${url.protocol}//, which is not protected on its way`)
  }
  return url
}

/** The index's name for the project: lower case, runs of `-_.` as one `-`. */
function projectOf(wheel: Wheel): string {
  const [project = ''] = basename(wheel.filename).split('-')
  return project.toLowerCase().replace(/[-_.]+/g, '-')
}

/** fetch() says "fetch failed" and keeps the reason in the cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause === undefined ? messageOf(error) : `${messageOf(error)}: ${messageOf(cause)}`
}
