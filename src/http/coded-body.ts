// Bodies that are compressed on the way, in both directions (RFC 9110 §8.4): gzip and deflate.
import { type Duplex, Readable } from 'node:stream'
import { createDeflate, createGunzip, createGzip, createInflate } from 'node:zlib'
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

const encoders = { gzip: createGzip, deflate: createDeflate }

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

/** Sends a body in as many parts as it has, compressed where the client asked for that. */
export async function sendCoded(
  request: FastifyRequest,
  reply: FastifyReply,
  parts: readonly Uint8Array[],
): Promise<FastifyReply> {
  addVary(reply, 'accept-encoding')
  const coding = wantedCoding(request.headers['accept-encoding'])
  if (coding === undefined || bytesOf(parts) < minCodedBytes) return sendParts(reply, parts)
  reply.header('content-encoding', coding)
  return sendParts(reply, await encode(parts, coding))
}

/** Joining what is longer would hold up everybody else. */
const maxJoinedBytes = 4 * 1024 * 1024

/** Sends a body in as many parts as it has. */
export function sendParts(reply: FastifyReply, parts: readonly Uint8Array[]): FastifyReply {
  const length = bytesOf(parts)
  if (length <= maxJoinedBytes) return reply.send(Buffer.concat(parts))
  return reply.header('content-length', length).send(Readable.from(parts))
}

function bytesOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0)
}

const codedChunkBytes = 64 * 1024

async function encode(parts: readonly Uint8Array[], coding: keyof typeof encoders) {
  const encoder = encoders[coding]({ level: 1, chunkSize: codedChunkBytes })
  const coded: Uint8Array[] = []
  for await (const chunk of Readable.from(parts).pipe(encoder)) coded.push(chunk)
  return coded
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
