// Gets one exact file of a Python package (a wheel: a zip of libraries) without needing Python.
// pip is asked first, because people configure their mirror, proxy and certificates there; else the
// file comes from the package index itself. Either way its size and SHA-256 must be the pinned ones.
// Index API: https://packaging.python.org/en/latest/specifications/simple-repository-api/
// File names: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fetch } from 'undici'
import { messageOf, UsageError } from '../../errors.ts'
import { createDispatcher, download, reasonOf, sha256Of } from '../download.ts'
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
  /** Of the direct download; pip shows its own progress on stderr. */
  readonly onProgress?: (receivedBytes: number, totalBytes: number | null) => void
  /** One line a step, for the person who waits. */
  readonly say?: (line: string) => void
}

export const pypiIndexUrl = 'https://pypi.org/simple'
/** A server that sends nothing for this long is given up. */
const silenceMs = 15_000

/**
 * Downloads a wheel and checks it.
 * @returns the path of the verified file
 * @throws UsageError that says which way failed and what to do; nothing is left in `folder` then
 */
export async function fetchWheel(wheel: Wheel, options: FetchWheelOptions): Promise<string> {
  const say = options.say ?? (() => {})
  if (options.usePip ?? true) {
    const answer = await downloadWithPip(wheel.filename, options.folder)
    if (answer.path !== null) return verified(answer.path, wheel)
    say(`pip did not get ${wheel.filename} (${answer.reason}); asking the package index directly`)
  }
  return downloadFromIndex(wheel, options)
}

/** Checks what pip brought against the pin: pip itself checks against what its index says. */
async function verified(path: string, wheel: Wheel): Promise<string> {
  const found = await sha256Of(path)
  if (found === wheel.sha256) return path
  await rm(path, { force: true })
  throw new UsageError(
    `${wheel.filename} from pip is not the published file: its SHA-256 is ${found}, expected ` +
      `${wheel.sha256}. Nothing was installed; the mirror in between alters files.`,
  )
}

async function downloadFromIndex(wheel: Wheel, options: FetchWheelOptions): Promise<string> {
  const target = join(options.folder, wheel.filename)
  const { onProgress } = options
  try {
    const url = await wheelUrl(wheel, options.indexUrl ?? pypiIndexUrl)
    await download({
      url,
      target,
      sha256: wheel.sha256,
      maxBytes: wheel.sizeBytes,
      ...(onProgress === undefined ? {} : { onProgress }),
    })
    return target
  } catch (error) {
    throw new UsageError(
      `could not get ${wheel.filename} from the package index: ${messageOf(error)}. Nothing was ` +
        'installed. Check the network (HTTPS_PROXY is honoured) and run the command again, or ' +
        'bring the file and name it with --wheel.',
      { cause: error },
    )
  }
}

/** What the index says where the file is. */
async function wheelUrl(wheel: Wheel, indexUrl: string): Promise<URL> {
  const page = new URL(`${indexUrl.replace(/\/+$/, '')}/${projectOf(wheel)}/`)
  const listing = await readListing(page)
  const file = listing.files?.find((entry) => entry.filename === wheel.filename)
  if (file?.url === undefined) throw new Error(`the index at ${page.host} does not list it`)
  const url = new URL(file.url, page)
  if (url.protocol !== 'https:' && url.protocol !== page.protocol) {
    throw new Error(`the index names it at ${url.protocol}//, which is not protected on its way`)
  }
  return url
}

interface Listing {
  readonly files?: readonly { readonly filename?: string; readonly url?: string }[]
}

async function readListing(page: URL): Promise<Listing> {
  const type = 'application/vnd.pypi.simple.v1+json'
  const dispatcher = createDispatcher(silenceMs)
  try {
    const response = await fetch(page, { headers: { accept: type }, dispatcher })
    if (!response.ok) {
      throw new Error(`${page.host} answered ${response.status} ${response.statusText}`)
    }
    const found = response.headers.get('content-type') ?? 'no content type'
    if (!found.includes('json')) {
      throw new Error(`${page.host} answered ${found}; an index that speaks ${type} is needed`)
    }
    return (await response.json()) as Listing
  } catch (error) {
    throw new Error(reasonOf(error), { cause: error })
  } finally {
    await dispatcher.destroy()
  }
}

/** The index's name for the project: lower case, runs of `-_.` as one `-`. */
function projectOf(wheel: Wheel): string {
  const [project = ''] = basename(wheel.filename).split('-')
  return project.toLowerCase().replace(/[-_.]+/g, '-')
}
