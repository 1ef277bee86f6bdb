// Many who ask for the metrics at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createScrape } from '../../src/http/scrape.ts'

test('those who ask together share what is written, and nobody gets what was written before', async () => {
  let written = 0
  const scrape = createScrape(async () => {
    written += 1
    return `metrics ${written}`
  })
  assert.equal(await scrape(), 'metrics 1')
  const together = await Promise.all(Array.from({ length: 100 }, scrape))
  assert.deepEqual(new Set(together), new Set(['metrics 2']))
  assert.equal(await scrape(), 'metrics 3')
})

test('who asks while it is written gets the next', async () => {
  let release = () => {}
  let written = 0
  const scrape = createScrape(() => {
    written += 1
    const own = `metrics ${written}`
    return new Promise((resolve) => {
      release = () => resolve(own)
    })
  })
  const first = scrape()
  while (written === 0) await new Promise((resolve) => setImmediate(resolve))
  const second = scrape()
  release()
  assert.equal(await first, 'metrics 1')
  while (written === 1) await new Promise((resolve) => setImmediate(resolve))
  release()
  assert.equal(await second, 'metrics 2')
})

test('what cannot be written fails those who asked, and no one after them', async () => {
  let isBroken = true
  const scrape = createScrape(async () => {
    if (isBroken) throw new Error('broken')
    return 'metrics'
  })
  await assert.rejects(Promise.all([scrape(), scrape()]), /broken/)
  isBroken = false
  assert.equal(await scrape(), 'metrics')
})
