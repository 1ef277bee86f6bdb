import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { watch } from '../../src/sessions/watchdog.ts'

const limitMs = 2000
/** Longer than the limit: by the clock, the run is overdue when the process goes on. */
const frozenMs = 3000
/** What the run still needs then. */
const restMs = 700

const watchdog = new URL('../../src/sessions/watchdog.js', import.meta.url)
const frozenProgram = `
  const { watch } = await import(${JSON.stringify(watchdog.href)})
  const stop = watch(${limitMs}, () => { console.log('hung'); process.exit() })
  console.log('watching')
  process.stdin.once('data', () =>
    setTimeout(() => { stop(); console.log('answered'); process.exit() }, ${restMs}))
`

test('a run that was frozen with its service gets the time it missed', async (t) => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', frozenProgram])
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })
  await once(lines, 'line')
  child.kill('SIGSTOP')
  await sleep(frozenMs)
  child.stdin.write('go on')
  child.kill('SIGCONT')
  assert.deepEqual(await once(lines, 'line'), ['answered'])
})

test('a run that takes longer than its limit is called hung, once', async () => {
  let calls = 0
  await new Promise<void>((resolve) => {
    watch(1, () => {
      calls += 1
      resolve()
    })
  })
  await sleep(500)
  assert.equal(calls, 1)
})

test('a run that ends in time is not called hung', async () => {
  let calls = 0
  const stop = watch(1, () => {
    calls += 1
  })
  stop()
  await sleep(500)
  assert.equal(calls, 0)
})
