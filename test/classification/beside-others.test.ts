// Who asks for the same image at the same time, and who only watches, harms nobody: equal images in
// flight share their work, shadows see what others ask.
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { faultyPicture, picture } from '../support/pictures.ts'
import { type Service, startService } from '../support/service.ts'

let service: Service
before(async () => {
  const shadow = { model: 'shadow' }
  service = await startService({
    sharesInFlight: true,
    models: [
      { name: 'small', versions: { 1: 1 }, manifest: { shadow } },
      { name: 'shadow', versions: { 1: 1 } },
    ],
  })
})
after(() => service.close())

const ask = async (image: Uint8Array, signal: AbortSignal | null = null) =>
  fetch(`${service.origin}/v1/classify`, {
    method: 'POST',
    body: new Uint8Array(image),
    signal,
  })

async function shadowed(outcome?: string): Promise<number> {
  const text = await (await fetch(`${service.origin}/metrics`)).text()
  return text
    .split('\n')
    .filter((line) => line.startsWith('shadow_images_total{'))
    .filter((line) => outcome === undefined || line.includes(`outcome="${outcome}"`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 600; turn++) {
    if (await condition()) return
    await sleep(50)
  }
  assert.fail('it did not come true within 30 s')
}

test('each image that a shadow sees is counted; equal networks always agree', async () => {
  const [before, agreed] = [await shadowed(), await shadowed('agreed')]
  const count = 5
  for (let index = 0; index < count; index++) {
    assert.equal((await ask(await picture(100 + index))).status, 200)
    await until(async () => (await shadowed()) === before + index + 1)
  }
  assert.equal(await shadowed('disagreed'), 0)
  assert.ok((await shadowed('agreed')) > agreed)
})

test('a shadow that hangs keeps no answer back; what it does not see is counted as dropped', async (t) => {
  const pid = await sessionOf('shadow')
  process.kill(pid, 'SIGSTOP')
  t.after(() => process.kill(pid, 'SIGCONT'))
  const before = await shadowed('dropped')
  for (let index = 0; index < 5; index++) {
    assert.equal((await ask(await picture(200 + index))).status, 200)
  }
  await until(async () => (await shadowed('dropped')) >= before + 4)
})

test('one client who hangs up leaves the equal images of others in flight unharmed', async () => {
  const image = await faultyPicture('slow', 5)
  const expected = await predictionsOf(await ask(image))
  for (let turn = 0; turn < 3; turn++) {
    const gone = new AbortController()
    const first = ask(image, gone.signal).catch((error: Error) => error.name)
    await sleep(20)
    const others = Array.from({ length: 3 }, () => ask(image))
    await sleep(40)
    gone.abort()
    assert.equal(await first, 'AbortError', 'it was answered before it could hang up')
    for (const answer of await Promise.all(others)) {
      assert.equal(answer.status, 200)
      assert.deepEqual(await predictionsOf(answer), expected)
    }
  }
})

async function predictionsOf(answer: Response) {
  return ((await answer.json()) as { predictions: unknown }).predictions
}

/** The process of a model's session, by its title. */
async function sessionOf(model: string): Promise<number> {
  for (const name of (await readdir('/proc')).filter((each) => /^\d+$/.test(each))) {
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
    const title = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
    const parent = Number(stat.slice(stat.lastIndexOf(')')).split(' ')[2])
    if (parent === process.pid && title.includes(`session: ${model} on`)) return Number(name)
  }
  throw new Error(`no session process of ${model}`)
}
