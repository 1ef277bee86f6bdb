// Bodies that are compressed on the way, in both directions (RFC 9110 §8.4): gzip and deflate.
import type { Duplex } from 'node:stream'
import { promisify } from 'node:util'
import { createGunzip, createInflate, deflate, gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { HttpError } from './failure.ts'
import { type ReadBodyOptions, readBody } from './read-body.ts'
import { addVary } from './vary.ts'

/** A map and no object: the name comes from a client, and objects know `constructor`. */
const decoders = new Map<string, () => Duplex>([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
])

const encoders = { gzip: promisify(gzip), deflate: promisify(deflate) }

/** Below this an answer fits one packet anyway. */
const minCodedBytes = 1400

/**
 * The whole body, decompressed. What comes out is bounded and counted like any upload, so that a
 * small body cannot unfold into a large one.
 * @throws HttpError bad_request, body_too_large, client_gone; ServiceError overloaded; the signal's reason
 */
export async function readCodedBody(
  request: FastifyRequest,
  options: Omit<ReadBodyOptions, 'expectedBytes'>,
): Promise<Uint8Array> {
  const coding = codingOf(request)
  if (coding === undefined) return await readRawBody(request, options)
  const decoder = decoders.get(coding)?.()
  if (decoder === undefined) throw badCoding(coding, 'gzip, deflate or identity')
  const { raw } = request
  const cut = () => {
    if (!raw.complete) decoder.destroy()
  }
  raw.once('close', cut).pipe(decoder)
  try {
    return await readBody(decoder, options)
  } catch (error) {
    if (!isZlibError(error)) throw error
    throw new HttpError('bad_request', `the body is not well-formed ${coding}`, { cause: error })
  } finally {
    raw.off('close', cut).unpipe(decoder)
    decoder.destroy()
  }
}

/** How a body is compressed, where it is. */
function codingOf({ headers }: FastifyRequest): string | undefined {
  const coding = headers['content-encoding']?.trim().toLowerCase() ?? ''
  return coding === '' || coding === 'identity' ? undefined : coding
}

function badCoding(coding: string, allowed: string): HttpError {
  const found = JSON.stringify(coding.slice(0, 40))
  return new HttpError('bad_request', `Content-Encoding is ${found}; expected ${allowed}`)
}

/** For forms, whose parser takes the bytes as they come. @throws HttpError bad_request */
export function assertNotCoded(request: FastifyRequest): void {
  const coding = codingOf(request)
  if (coding !== undefined) throw badCoding(coding, 'none for a form')
}

function readRawBody(
  request: FastifyRequest,
  { maxBytes, claim, signal }: Omit<ReadBodyOptions, 'expectedBytes'>,
): Promise<Uint8Array> {
  const length = request.headers['content-length']
  const expectedBytes = length === undefined ? undefined : Number(length)
  return readBody(request.raw, { maxBytes, expectedBytes, claim, signal })
}

function isZlibError(error: unknown): boolean {
  return /^Z_/.test(String((error as { code?: unknown } | null)?.code))
}

/** Sends `body`, compressed where the client asked for that. */
export async function sendCoded(
  request: FastifyRequest,
  reply: FastifyReply,
  body: Uint8Array,
): Promise<FastifyReply> {
  addVary(reply, 'accept-encoding')
  const coding = wantedCoding(request.headers['accept-encoding'])
  if (coding === undefined || body.length < minCodedBytes) return reply.send(body)
  reply.header('content-encoding', coding)
  return reply.send(await encoders[coding](body, { level: 1 }))
}

function wantedCoding(header: string | string[] | undefined): keyof typeof encoders | undefined {
  const wanted = String(header ?? '')
    .toLowerCase()
    .split(',')
    .map((item) => item.trim())
    .filter((item) => !/;\s*q=0(\.0*)?$/.test(item))
    .map((item) => item.split(';', 1)[0]?.trim())
  if (wanted.includes('gzip')) return 'gzip'
  return wanted.includes('deflate') ? 'deflate' : undefined
}
