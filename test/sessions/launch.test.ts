// What a session process is given of the service's environment.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { after, describe, test } from 'node:test'
import { request } from 'undici'
import { sessionEnvironment } from '../../src/sessions/launch.ts'
import { openvinoMissing } from '../support/openvino.ts'
import { endAllServed, startServed } from '../support/served-process.ts'
import { writeSmallModels } from '../support/small-repository.ts'
import { tempFolder } from '../support/temp-folder.ts'

const jemalloc = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/libjemalloc.so.2`

function preloaded(value: string | undefined) {
  return sessionEnvironment('cpu', { LD_PRELOAD: value, HOME: '/root' }).LD_PRELOAD
}

describe('the environment of a session process', () => {
  test('has no preloaded allocator', () => {
    assert.equal(preloaded(jemalloc), undefined)
    assert.equal(preloaded('/opt/malloc/libtcmalloc_minimal.so.4'), undefined)
    assert.equal(preloaded(`libmimalloc.so.2:${jemalloc}`), undefined)
  })

  test('keeps whatever else is preloaded', () => {
    assert.equal(preloaded(`/opt/libtrace.so ${jemalloc}`), '/opt/libtrace.so')
    assert.equal(
      preloaded('/opt/malloc/libtrace.so:libother.so'),
      '/opt/malloc/libtrace.so libother.so',
    )
  })

  test('has no LD_PRELOAD where the service has none', () => {
    assert.equal(preloaded(undefined), undefined)
    assert.equal(preloaded(''), undefined)
  })

  test('holds no API key, and the rest of it', () => {
    const environment = sessionEnvironment('cpu', { API_KEYS: 'a', HOME: '/root' })
    assert.equal(environment.API_KEYS, undefined)
    assert.equal(environment.HOME, '/root')
  })
})

const missing = existsSync(jemalloc) ? openvinoMissing : `needs ${jemalloc} (libjemalloc2)`

describe('a service with jemalloc preloaded', { skip: missing }, () => {
  after(endAllServed)

  test('has OpenVINO answer, in sessions without jemalloc', async (t) => {
    const repository = await tempFolder(t)
    await writeSmallModels(repository, [{ name: 'small' }])
    const served = await startServed({
      repository,
      environment: { LD_PRELOAD: jemalloc, ENGINE: 'openvino' },
    })
    assert.ok((await libraries(served.pid)).includes('libjemalloc'), 'the service has no jemalloc')
    const sessions = await served.sessions()
    assert.equal(sessions.length, 2)
    for (const pid of sessions) assert.ok(!(await libraries(pid)).includes('libjemalloc'))
    const { body } = await request(`${served.origin}/v1/engine`)
    assert.match(await body.text(), /"name":"openvino"/)
    assert.equal(await served.stop(), 0)
  })
})

async function libraries(pid: number): Promise<string> {
  return await readFile(`/proc/${pid}/maps`, 'utf8')
}
