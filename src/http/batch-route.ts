// POST /v1/classify/batch: many files of one form, a result each, all at once or line by line.
import { PassThrough } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { imagesAtOnce } from './admission.ts'
import { type Answer, answerOf } from './answer.ts'
import { noteFailure } from './answer-failure.ts'
import { admitCall, type ClassifyCall, callOf } from './classify-request.ts'
import { sendParts } from './coded-body.ts'
import type { Edge } from './edge.ts'
import { orAborted } from './exchange.ts'
import { failureOf, HttpError } from './failure.ts'
import { type FormFile, formOverheadBytes, readFormFiles } from './form-files.ts'
import { addOperation } from './operation.ts'
import { type Failure, type Problem, problemOf } from './problem.ts'
import { imageMissing } from './read-image.ts'
import { recordOf } from './request-record.ts'
import { createPauses } from './turns.ts'
import type { UploadClaim } from './upload-budget.ts'

type BatchResult = { readonly index: number; readonly file: string } & (
  | Answer
  | { readonly error: Problem }
)

const defaultMaxFiles = 256
/** A form as large as this many of the largest images; they are not held at the same time. */
const largestImagesPerForm = 16
/** Files of one form that are classified at the same time, at most; the upload waits for them. */
const filesInFlight = 16
/** They hold no more than this many of the largest images: a form alone must not find the uploads full. */
const largestImagesInFlight = 2

export function addBatchRoute(app: FastifyInstance, edge: Edge): void {
  const maxBytes = edge.limits.maxImageBytes * largestImagesPerForm + formOverheadBytes
  addOperation(app, edge.contract, 'classifyBatch').as((operation) => ({
    onRequest: admitCall(edge, operation, maxBytes),
    handler: async (request, reply) => {
      if (!request.isMultipart()) throw notAForm()
      const batch = { edge, request, call: callOf(request), maxBytes }
      return wantsLines(request) ? sendLines(batch, reply) : await sendResults(batch, reply)
    },
  }))
}

function notAForm(): HttpError {
  return new HttpError(
    'bad_request',
    'the body is not multipart/form-data; send each image as a file of a form',
  )
}

function wantsLines({ headers }: FastifyRequest): boolean {
  return /\bapplication\/(x-)?ndjson\b/i.test(headers.accept ?? '')
}

interface Batch {
  readonly edge: Edge
  readonly request: FastifyRequest
  readonly call: ClassifyCall
  readonly maxBytes: number
}

/** Kept as the bytes that will be sent: as objects a result of a thousand classes takes several times as much. */
async function sendResults(batch: Batch, reply: FastifyReply): Promise<FastifyReply> {
  const results: Buffer[] = []
  await classifyFiles(batch, (result) => {
    const before = result.index === 0 ? '{"results":[' : ','
    const bytes = Buffer.from(before + JSON.stringify(result))
    batch.call.answer.add(bytes.length)
    results[result.index] = bytes
  })
  recordOf(batch.request).respondedAt = performance.now()
  reply.type('application/json; charset=utf-8')
  return sendParts(reply, [...results, Buffer.from(']}')])
}

/** Answers 200 with the first line; what fails afterwards can only be told in a line of its own. */
function sendLines(batch: Batch, reply: FastifyReply): FastifyReply {
  const { request } = batch
  const lines = new PassThrough()
  const lineOf = (value: object) => Buffer.from(`${JSON.stringify(value)}\n`)
  const emit = (result: BatchResult) => {
    const line = lineOf(result)
    batch.call.answer.add(line.length)
    lines.write(line)
  }
  void classifyFiles(batch, emit)
    .catch((error: unknown) => {
      const failure = noteFailure(error, request, batch.edge.metrics)
      lines.write(lineOf({ error: problemOf(failure, request.id) }))
    })
    .finally(() => lines.end())
  return reply.type('application/x-ndjson; charset=utf-8').send(lines)
}

/**
 * Reads file after file and classifies them as they come; resolves when all have a result. What `emit`
 * does with each takes milliseconds where all classes are wanted: others have their turns in between. What
 * it throws ends it all.
 */
async function classifyFiles(batch: Batch, emit: (result: BatchResult) => void): Promise<void> {
  const { edge, request, call, maxBytes } = batch
  const files = readFormFiles(request, {
    maxFiles: edge.limits.maxBatchFiles ?? defaultMaxFiles,
    maxFileBytes: edge.limits.maxImageBytes,
    maxFormBytes: maxBytes,
    parameters: call.parameters,
    signal: call.signal,
  })
  const running = new Set<Promise<void>>()
  const pause = createPauses()
  const maxHeldBytes = largestImagesInFlight * edge.limits.maxImageBytes
  const atOnce = imagesAtOnce(edge, call.targets, filesInFlight)
  let refusal: { readonly error: unknown } | undefined
  let heldBytes = 0
  let count = 0
  try {
    for await (const file of files) {
      const index = count++
      const claim = edge.uploads.open()
      const image = await readFile(file, claim)
      const bytes = image instanceof Uint8Array ? image.length : 0
      heldBytes += bytes
      const task = classifyFile(batch, image)
        .then(async (answer) => {
          await pause()
          if (refusal === undefined) emit({ index, file: file.filename, ...answer })
        })
        .catch((error: unknown) => {
          refusal ??= { error }
        })
        .finally(() => {
          claim.release()
          heldBytes -= bytes
          running.delete(task)
        })
      running.add(task)
      while (running.size >= atOnce || heldBytes > maxHeldBytes) await Promise.race(running)
      if (refusal !== undefined) break
    }
  } finally {
    await Promise.all(running) // also when the form breaks off: nothing is emitted afterwards
  }
  if (refusal !== undefined) throw refusal.error
  if (count === 0) throw imageMissing('the form has no file')
}

/** What is wrong with one file is its own result; what is wrong with the form ends it all. */
async function readFile(file: FormFile, claim: UploadClaim): Promise<Uint8Array | Failure> {
  try {
    return await file.read(claim)
  } catch (error) {
    claim.release()
    const failure = failureOf(error)
    if (failure.code === 'body_too_large' || failure.code === 'overloaded') return failure
    throw error
  }
}

/** Never rejects: an error is an answer too. */
async function classifyFile(
  { edge, request, call }: Batch,
  image: Uint8Array | Failure,
): Promise<Answer | { readonly error: Problem }> {
  try {
    if (!(image instanceof Uint8Array)) return { error: problemOf(image, request.id) }
    if (image.length === 0) throw imageMissing('the file is empty')
    const record = recordOf(request)
    record.imageBytes = (record.imageBytes ?? 0) + image.length
    const { targets, wishes, deadline, signal } = call
    const work = edge.classifier.classify({ image, targets, ...wishes, deadline, signal })
    const classifications = await orAborted(work, signal)
    record.models = classifications.map(({ model, version }) => ({ model, version }))
    return answerOf(classifications, call.labels)
  } catch (error) {
    const failure = failureOf(error)
    if (failure.code === 'internal') request.log.error({ err: error }, 'an image failed')
    return { error: problemOf(failure, request.id) }
  }
}
