// Answers of hundreds of images: made in turns with all else, and still the same bytes.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { CancellationSource } from '../../../src/cancellation.ts'
import { topK } from '../../../src/classification/probabilities.ts'
import type { ScoredImage } from '../../../src/classification/types.ts'
import { createAnswerBudget } from '../../../src/http/answer-budget.ts'
import { inferAnswer } from '../../../src/http/dialects/open-inference-answer.ts'
import {
  classifyAnswer,
  predictAnswer,
} from '../../../src/http/dialects/tensorflow-serving-answer.ts'
import { inTurns } from '../../../src/http/turns.ts'
import { picture } from '../../support/pictures.ts'
import { type Service, startService } from '../../support/service.ts'

const given = {
  signal: new CancellationSource(),
  answer: createAnswerBudget(1_000_000_000).open(),
}

/** Of more classes than are told at once, the last of them by themselves. */
const classes = 2_501
const labels = Array.from({ length: classes }, (_, index) => ({ index, label: `"thing" ${index}` }))
const scored = Array.from({ length: 64 }, (_, image): ScoredImage => {
  const scores = Float32Array.from(labels, ({ index }) => ((index + image) * 7_919) % 104_729)
  const timing = { decodeMs: 0, queueMs: 0, inferMs: 0 }
  const of = { model: 'm', version: '1', kind: 'probabilities', timing, batchSize: 1 } as const
  return { ...of, scores, labels }
})

/** Turns of the event loop while `work` goes on. */
async function turnsOf<Result>(work: Promise<Result>) {
  let turns = 0
  let isOver = false
  const count = () => {
    turns += 1
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  const result = await work
  isOver = true
  return { turns, result }
}

const textOf = (parts: readonly Uint8Array[]) => Buffer.concat(parts).toString()
const rows = scored.map(({ scores }) => [...scores])

test('tensorflow serving: the scores and labels of many images are told in many turns', async () => {
  const predictions = await turnsOf(inTurns(predictAnswer(scored, 'rows'), given))
  assert.ok(textOf(predictions.result) === JSON.stringify({ predictions: rows }))
  assert.ok(predictions.turns > 1, 'it was made in one go')

  const outputs = await inTurns(predictAnswer(scored, 'columns'), given)
  assert.ok(textOf(outputs) === JSON.stringify({ outputs: rows }))

  const classified = await turnsOf(inTurns(classifyAnswer(scored), given))
  const results = scored.map(({ scores }) =>
    topK(scores, classes).map(({ index, probability }) => [`"thing" ${index}`, probability]),
  )
  assert.ok(textOf(classified.result) === JSON.stringify({ results }))
  assert.ok(classified.turns > 1, 'it was made in one go')
})

test('open inference: the same, as scores and as classes, in JSON and behind it', async () => {
  const output = { name: 'p', binary: false, classes: 0 }
  const ask = (wish: object) =>
    turnsOf(inferAnswer({ id: '7', images: [], output: { ...output, ...wish } }, scored, given))
  const named = { model_name: 'm', model_version: '1', id: '7' }
  const asJson = (rest: object) => JSON.stringify({ ...named, outputs: [{ name: 'p', ...rest }] })

  const scores = await ask({})
  const [datatype, shape] = ['FP32', [scored.length, classes]]
  assert.ok(textOf(scores.result.parts) === asJson({ datatype, shape, data: rows.flat() }))
  assert.ok(scores.turns > 1, 'it was made in one go')

  const texts = scored.flatMap(({ scores }) =>
    topK(scores, 2_000).map(
      (one) => `${one.probability.toFixed(6)}:${one.index}:"thing" ${one.index}`,
    ),
  )
  const best = { datatype: 'BYTES', shape: [scored.length, 2_000] }
  const named2000 = await ask({ classes: 2_000 })
  assert.ok(textOf(named2000.result.parts) === asJson({ ...best, data: texts }))
  assert.ok(named2000.turns > 1, 'it was made in one go')

  const elements = Buffer.concat(
    texts.flatMap((text) => [
      Buffer.from(Uint32Array.of(Buffer.byteLength(text)).buffer),
      Buffer.from(text),
    ]),
  )
  const { result, turns } = await ask({ classes: 2_000, binary: true })
  const [json, ...tensor] = result.parts
  const parameters = { binary_data_size: elements.length }
  assert.equal(Buffer.from(json as Uint8Array).toString(), asJson({ ...best, parameters }))
  assert.ok(elements.equals(Buffer.concat(tensor)))
  assert.ok(turns > 1, 'it was made in one go')
})

test('scores that JSON cannot carry are refused in the last image too', async () => {
  const broken = scored.with(-1, {
    ...(scored[0] as ScoredImage),
    scores: Float32Array.of(1, Number.NaN),
  })
  await assert.rejects(inTurns(predictAnswer(broken, 'rows'), given), /NaN or infinity/)
  const output = { name: 'p', binary: false, classes: 0 }
  await assert.rejects(inferAnswer({ images: [], output }, broken, given), /ask for binary data/)
})

let service: Service
before(async () => {
  // With labels of this length hundreds of answers are megabytes.
  const long = Array.from({ length: 10 }, (_, index) => `${index}`.repeat(4_000))
  service = await startService({ models: [{ name: 'small', labels: long }] })
})
after(() => service.close())

test('megabytes of an answer are announced, whole and compressed alike', async () => {
  const b64 = (await picture(1)).toString('base64')
  const body = JSON.stringify({ examples: Array.from({ length: 256 }, () => ({ image: { b64 } })) })
  const ask = async (coding: string) => {
    const headers = { 'content-type': 'application/json', 'accept-encoding': coding }
    const url = `${service.origin}/v1/models/small:classify`
    const answer = await fetch(url, { method: 'POST', body, headers })
    assert.equal(answer.status, 200)
    return { headers: answer.headers, text: await answer.text() }
  }
  const plain = await ask('identity')
  assert.ok(plain.text.length > 256 * 10 * 4_000)
  assert.equal(plain.headers.get('content-length'), String(plain.text.length))
  const { results } = JSON.parse(plain.text)
  assert.deepEqual([results.length, results[0].length], [256, 10])
  for (const coding of ['gzip', 'deflate']) {
    const coded = await ask(coding)
    assert.equal(coded.headers.get('content-encoding'), coding)
    assert.ok(Number(coded.headers.get('content-length')) < plain.text.length)
    assert.ok(coded.text === plain.text)
  }
})

test('megabytes of results of a batch are announced and in the order of the files, mistakes too', async () => {
  const image = new Blob([new Uint8Array(await picture(1))])
  const form = new FormData()
  const count = 120
  for (let index = 0; index < count; index += 1) {
    form.append('image', index % 10 === 9 ? new Blob(['text']) : image, `${index}.png`)
  }
  const url = `${service.origin}/v1/classify/batch?top_k=10`
  const answer = await fetch(url, { method: 'POST', body: form })
  const text = await answer.text()
  assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8')
  assert.equal(answer.headers.get('content-length'), String(Buffer.byteLength(text)))
  assert.ok(text.length > (count - count / 10) * 10 * 4_000)
  const { results } = JSON.parse(text)
  assert.ok(text === JSON.stringify({ results }))
  assert.equal(results.length, count)
  for (const [index, result] of results.entries()) {
    assert.deepEqual([result.index, result.file], [index, `${index}.png`])
    assert.equal(result.error?.code, index % 10 === 9 ? 'unsupported_image_format' : undefined)
  }
})
