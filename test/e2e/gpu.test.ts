// The GPU path over HTTP: two sessions, batches, a killed session, and what is refused. Over WebGPU on a
// Vulkan device in software, which needs no GPU, and over CUDA where there is one.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, describe, test } from 'node:test'
import { request } from 'undici'
import { onnxruntimeEngine } from '../../src/engines/onnxruntime/engine.ts'
import { picture } from '../support/pictures.ts'
import { endAllServed, startServed } from '../support/served-process.ts'
import { writeSmallModels } from '../support/small-repository.ts'
import { swiftShaderEnvironment, withoutSwiftShader } from '../support/swiftshader.ts'
import { tempFolder } from '../support/temp-folder.ts'

interface Answer {
  readonly predictions: readonly { readonly index: number; readonly probability: number }[]
}

/** Two or three images are run as four, the rest filling. Software shaders are slow: a small network takes seconds where a GPU takes milliseconds. */
const slow = { REQUEST_TIMEOUT_MS: '600000', MAX_BATCH_SIZE: '5', DEFAULT_MODEL: 'small' }
const onWebGpu = { ...slow, ...swiftShaderEnvironment, DEVICES: 'webgpu' }
/** What a GPU's order of additions may change of a probability. */
const tolerance = 1e-3
/** In float16 the inputs of each product are rounded to eleven bits. */
const halfTolerance = 2e-2

const found = await onnxruntimeEngine.probe()
const withoutCuda =
  found.available && found.devices.includes('cuda:0')
    ? false
    : "needs an NVIDIA GPU, CUDA 13, cuDNN 9 and ONNX Runtime's provider (npm run setup:cuda)"

const gpus = [
  { device: 'webgpu', precision: 'auto', skip: withoutSwiftShader, environment: onWebGpu },
  { device: 'cuda:0', precision: 'fp32', skip: withoutCuda, environment: slow },
  { device: 'cuda:0', precision: 'fp16', skip: withoutCuda, environment: slow },
]

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

describe('answers of a GPU', () => {
  after(endAllServed)

  for (const { device, precision, skip, environment } of gpus) {
    test(`two sessions on ${device} in ${precision} answer as the CPU does, in batches, also when one of them is killed`, {
      skip,
    }, async (t) => {
      const repository = await tempFolder(t)
      await writeSmallModels(repository, [{ name: 'small' }])
      const cpu = await startServed({ repository, environment: slow })
      const seeds = [1, 2, 3, 4, 5, 6]
      const expected = await Promise.all(seeds.map((seed) => classify(cpu.origin, seed)))
      await cpu.stop()

      const gpu = await startServed({
        repository,
        environment: { ...environment, DEVICES: device, PRECISION: precision },
      })
      const engine = await (await request(`${gpu.origin}/v1/engine`)).body.text()
      assert.match(engine, new RegExp(`"device":"${device}"`))
      if (precision !== 'auto') assert.match(engine, new RegExp(`"precision":"${precision}"`))
      const answers = await Promise.all(seeds.map((seed) => classify(gpu.origin, seed)))
      answers.forEach((answer, index) => {
        const right = byIndex(expected[index] as Answer)
        byIndex(answer).forEach((probability, place) => {
          const difference = Math.abs(probability - (right[place] as number))
          assert.ok(difference < (precision === 'fp16' ? halfTolerance : tolerance))
        })
      })

      // `listening` comes with the first session; the second may still be compiling its kernels.
      while ((await gpu.capacity('small')) < 2) await pause()
      const [victim] = await sessionsOf(gpu.sessions)
      assert.notEqual(victim, undefined)
      process.kill(victim as number, 'SIGKILL')
      while ((await gpu.capacity('small')) > 1) await pause()
      // The other session answers while the place of the dead one is filled again.
      const again = await classify(gpu.origin, seeds[0] as number)
      assert.equal(topOf(again), topOf(expected[0] as Answer))
      assert.equal(await gpu.stop(), 0)
    })
  }

  test('a CUDA device that is not there is refused with a reason', async (t) => {
    const repository = await tempFolder(t)
    await writeSmallModels(repository, [{ name: 'small' }])
    const environment = { ...slow, DEVICES: 'cuda:63' }
    await assert.rejects(
      startServed({ repository, environment }),
      /onnxruntime cannot run it on cuda:63/,
    )
    const withAny = { ...environment, ENGINE: 'auto' }
    await assert.rejects(
      startServed({ repository, environment: withAny }),
      /no engine can run model small on cuda:63: .*DEVICES=cpu serves it/,
    )
  })
})

describe('what WebGPU does not do', { skip: withoutSwiftShader }, () => {
  after(endAllServed)

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
