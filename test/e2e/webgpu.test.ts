// The GPU path without a GPU: onnxruntime's WebGPU provider over a Vulkan device in software, two
// sessions, batches, a killed session, and what is refused, over HTTP.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, describe, test } from 'node:test'
import { request } from 'undici'
import { picture } from '../support/pictures.ts'
import { endAllServed, startServed } from '../support/served-process.ts'
import { writeSmallModels } from '../support/small-repository.ts'
import { swiftShaderEnvironment, withoutSwiftShader } from '../support/swiftshader.ts'
import { tempFolder } from '../support/temp-folder.ts'

interface Answer {
  readonly predictions: readonly { readonly index: number; readonly probability: number }[]
}

/** Five images are run as six, one of them filling. Software shaders are slow: a small network takes seconds where a GPU takes milliseconds. */
const slow = { REQUEST_TIMEOUT_MS: '600000', MAX_BATCH_SIZE: '5', DEFAULT_MODEL: 'small' }
const onWebGpu = { ...slow, ...swiftShaderEnvironment, DEVICES: 'webgpu' }
/** What WebGPU's order of additions may change of a probability. */
const tolerance = 1e-3

async function classify(origin: string, seed: number): Promise<Answer> {
  const body = await picture(seed)
  const answer = await request(`${origin}/v1/classify?top_k=10`, { method: 'POST', body })
  const text = await answer.body.text()
  assert.equal(answer.statusCode, 200, text)
  return JSON.parse(text)
}

function byIndex({ predictions }: Answer): number[] {
  return [...predictions].sort((a, b) => a.index - b.index).map(({ probability }) => probability)
}

describe('webgpu', { skip: withoutSwiftShader }, () => {
  after(endAllServed)

  test('two sessions answer as the CPU does, in batches, also when one of them is killed', async (t) => {
    const repository = await tempFolder(t)
    await writeSmallModels(repository, [{ name: 'small' }])
    const cpu = await startServed({ repository, environment: slow })
    const seeds = [1, 2, 3, 4, 5, 6]
    const expected = await Promise.all(seeds.map((seed) => classify(cpu.origin, seed)))
    await cpu.stop()

    const gpu = await startServed({ repository, environment: onWebGpu })
    const engine = await (await request(`${gpu.origin}/v1/engine`)).body.text()
    assert.match(engine, /"device":"webgpu"/)
    const found = await Promise.all(seeds.map((seed) => classify(gpu.origin, seed)))
    found.forEach((answer, index) => {
      const right = byIndex(expected[index] as Answer)
      byIndex(answer).forEach((probability, place) => {
        assert.ok(Math.abs(probability - (right[place] as number)) < tolerance)
      })
    })

    // `listening` comes with the first session; the second may still be compiling its shaders.
    while ((await gpu.capacity('small')) < 2) await pause()
    const [victim] = await sessionsOf(gpu.sessions)
    assert.notEqual(victim, undefined)
    process.kill(victim as number, 'SIGKILL')
    while ((await gpu.capacity('small')) > 1)
      await new Promise((resolve) => setTimeout(resolve, 50))
    // The other session answers while the place of the dead one is filled again.
    const again = await classify(gpu.origin, seeds[0] as number)
    assert.equal(topOf(again), topOf(expected[0] as Answer))
    assert.equal(await gpu.stop(), 0)
  })

  test('float16 on a device without it is refused with the reason', async (t) => {
    const repository = await tempFolder(t)
    await writeSmallModels(repository, [{ name: 'small' }])
    const environment = { ...onWebGpu, ENGINE: 'onnxruntime', PRECISION: 'fp16' }
    await assert.rejects(startServed({ repository, environment }), /requires f16/)
  })

  test('engines that know no WebGPU refuse it with a reason', async (t) => {
    const repository = await tempFolder(t)
    await writeSmallModels(repository, [{ name: 'small' }])
    const environment = { ...onWebGpu, ENGINE: 'tensorflow' }
    await assert.rejects(startServed({ repository, environment }), /the server ended \(1\)/)
  })
})

const lookEveryMs = 50

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, lookEveryMs))
}

function topOf({ predictions }: Answer): number | undefined {
  return predictions[0]?.index
}

/** Session processes, told from helpers by the title that they give themselves. */
async function sessionsOf(children: () => Promise<readonly number[]>): Promise<number[]> {
  const pids = await children()
  const titles = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')),
  )
  return pids.filter((_, index) => titles[index]?.includes('session: small'))
}
