// The main job on real photographs: HTTP, decoding, batching, session processes and networks that
// TensorFlow exported, held against what TensorFlow answers.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type ServedProcess, startServed } from '../support/served-process.ts'
import {
  linkGolden,
  type ReferenceAnswer,
  referenceAnswers,
  sharedPhotograph,
  withoutPhotographs,
} from '../support/shared-photographs.ts'

const networks = ['resnet34-quarter', 'resnet50-quarter']
/** What is asked of the engine alone; here decoding and resizing are part of it. */
const tolerance = 1e-4

interface Answer {
  readonly weights: string
  readonly predictions: readonly { readonly index: number; readonly probability: number }[]
}

describe('32 photographs over HTTP', { skip: withoutPhotographs }, () => {
  let repository: string
  let server: ServedProcess

  before(async () => {
    repository = await mkdtemp(join(tmpdir(), 'resnet-serving-golden-'))
    for (const network of networks) await linkGolden(repository, network)
    // A busy machine is slow, not wrong: nobody is refused for what would come late.
    server = await startServed({ repository, environment: { REQUEST_TIMEOUT_MS: '120000' } })
  })
  after(async () => {
    await server?.stop()
    await rm(repository, { recursive: true, force: true })
  })

  async function classify(network: string, file: string): Promise<Answer> {
    const form = new FormData()
    form.append('image', new Blob([new Uint8Array(sharedPhotograph(file))]), file)
    const url = `${server.origin}/v1/classify?model=${network}`
    const response = await fetch(url, { method: 'POST', body: form })
    assert.equal(response.status, 200, file)
    return (await response.json()) as Answer
  }

  for (const network of networks) {
    test(`${network} knows every one of them, with TensorFlow's probabilities`, async () => {
      const references = referenceAnswers(network)
      const answers = await Promise.all(references.map(({ file }) => classify(network, file)))
      const wrong = references.filter(
        ({ class_index }, index) => answers[index]?.predictions[0]?.index !== class_index,
      )
      assert.deepEqual(
        wrong.map(({ file }) => file),
        [],
      )
      references.forEach((reference, index) => {
        assertSameAnswer(answers[index] as Answer, reference)
      })
    })
  }

  test('both at once, on one decode, answer what each answers alone', async () => {
    const [{ file }] = referenceAnswers('resnet34-quarter') as [ReferenceAnswer]
    const response = await fetch(`${server.origin}/v1/classify?model=${networks.join(',')}`, {
      method: 'POST',
      body: new Uint8Array(sharedPhotograph(file)),
    })
    const { results } = (await response.json()) as { results: readonly Answer[] }
    for (const [index, network] of networks.entries()) {
      const reference = referenceAnswers(network).find((answer) => answer.file === file)
      assertSameAnswer(results[index] as Answer, reference as ReferenceAnswer)
    }
  })
})

function assertSameAnswer(answer: Answer, { file, top5 }: ReferenceAnswer): void {
  for (const { index, probability } of top5) {
    const found = answer.predictions.find((prediction) => prediction.index === index)
    // A class of almost the same probability may have taken the last places.
    const actual = found?.probability ?? answer.predictions.at(-1)?.probability ?? Number.NaN
    assert.ok(
      Math.abs(actual - probability) <= tolerance,
      `${file}: class ${index} has ${actual}, TensorFlow says ${probability}`,
    )
  }
}
