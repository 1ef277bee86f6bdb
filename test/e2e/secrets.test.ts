// What must not be seen from outside: API keys in `ps`, in the environment of sessions, in the log;
// images in the log; and metrics on the API's port once they have a port of their own.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { request } from 'undici'
import { freePort } from '../chaos/support/ports.ts'
import { picture } from '../support/pictures.ts'
import { endAllServed, type ServedProcess, startServed } from '../support/served-process.ts'
import { writeSmallModels } from '../support/small-repository.ts'

const plainKey = 'key-in-the-clear-4711'
const digestedKey = 'key-that-only-its-client-knows'
const digest = createHash('sha256').update(digestedKey).digest('hex')
const withKeysAsFlag = `exec "$@" --api-keys ${plainKey},sha256:${digest}`

const procFile = (pid: number, name: string) => readFile(`/proc/${pid}/${name}`, 'latin1')

describe('a service with keys, and metrics on a port of their own', () => {
  let server: ServedProcess
  let metricsPort: number
  let image: Buffer
  const classify = (key: string, body: Buffer) =>
    request(`${server.origin}/v1/classify`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body,
    })

  let repository: string
  before(async () => {
    repository = await mkdtemp(join(tmpdir(), 'resnet-serving-secrets-'))
    await writeSmallModels(repository, [{ name: 'small' }])
    metricsPort = await freePort()
    image = await picture(1)
    server = await startServed({
      repository,
      environment: {
        ...{ DEFAULT_MODEL: 'small', LOG_LEVEL: 'trace', METRICS_PORT: String(metricsPort) },
        API_KEYS: 'overruled-by-the-flag',
      },
      wrapper: ['bash', '-c', withKeysAsFlag, 'bash'],
    })
  })
  after(async () => {
    endAllServed()
    await rm(repository, { recursive: true, force: true })
  })

  test('a key that is kept as its SHA-256 opens, its digest does not', async () => {
    for (const key of [plainKey, digestedKey]) {
      const { statusCode, body } = await classify(key, image)
      await body.dump()
      assert.equal(statusCode, 200, key)
    }
    for (const wrong of [digest, `sha256:${digest}`, 'overruled-by-the-flag']) {
      const { statusCode, body } = await classify(wrong, image)
      await body.dump()
      assert.equal(statusCode, 401, wrong)
    }
  })

  test('ps shows no key, nor does any session', async () => {
    const sessions = await server.sessions()
    assert.equal(sessions.length, 2)
    for (const pid of [server.pid, ...sessions]) {
      assert.doesNotMatch(await procFile(pid, 'cmdline'), /key-in-the-clear|sha256:/)
    }
    for (const pid of sessions) {
      assert.doesNotMatch(await procFile(pid, 'environ'), /API_KEYS|overruled-by-the-flag/)
    }
  })

  test('the log holds no key and no byte of an image, whatever its level', async () => {
    const marked = Buffer.concat([image, Buffer.from('bytes-of-a-private-picture')])
    const answers = await Promise.all([
      classify(plainKey, marked),
      classify(digestedKey, Buffer.from('bytes-of-a-private-picture, and no image')),
      classify('a-guessed-key', marked),
    ])
    for (const { body } of answers) await body.dump()
    assert.deepEqual(
      answers.map(({ statusCode }) => statusCode),
      [200, 415, 401],
    )
    const written = [...server.log.map((line) => JSON.stringify(line)), ...server.noise].join('\n')
    assert.match(written, /"route":"\/v1\/classify"/)
    const secrets = [plainKey, digestedKey, digest, 'a-guessed-key', 'overruled-by-the-flag']
    for (const secret of [...secrets, 'private-picture', image.toString('base64').slice(0, 40)]) {
      assert.ok(!written.includes(secret), secret)
    }
  })

  test('metrics are on their own port, without a key, and on no other', async () => {
    const own = await request(`http://127.0.0.1:${metricsPort}/metrics`)
    assert.equal(own.statusCode, 200)
    assert.match(await own.body.text(), /^http_request_duration_seconds_count/m)
    const elsewhere = await request(`http://127.0.0.1:${metricsPort}/v1/models`)
    await elsewhere.body.dump()
    assert.equal(elsewhere.statusCode, 404)
    const headers = { authorization: `Bearer ${plainKey}` }
    const beside = await request(`${server.origin}/metrics`, { headers })
    await beside.body.dump()
    assert.equal(beside.statusCode, 404)
  })

  test('it ends in good order', async () => {
    assert.equal(await server.stop(), 0)
  })
})
