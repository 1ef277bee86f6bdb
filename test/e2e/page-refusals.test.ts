import assert from 'node:assert/strict'
import test, { after, before, describe } from 'node:test'
import type { Browser } from 'playwright-core'
import { launchBrowser, noBrowser, visit } from '../support/browser.ts'
import { photograph, photographs } from '../support/photographs.ts'
import { serveModels } from '../support/served.ts'

const done = '.card[data-state="done"]'

describe('the page at / and a server that refuses', { skip: noBrowser }, () => {
  let browser: Browser

  before(async () => {
    browser = await launchBrowser()
  })
  after(() => browser?.close())

  test('a server with keys gets one from the person, and images wait for it', async () => {
    const served = await serveModels({ API_KEYS: 'сезам-откройся' })
    try {
      const { page, complaints } = await visit(browser, served.origin)
      await page.getByLabel('This server asks for an API key').fill('wrong')
      await page.getByRole('button', { name: 'Use this key' }).click()
      await page.getByText('The server does not know this key').waitFor()
      await page.setInputFiles('#files', [await photograph('one.jpg')])
      await page.getByLabel('This server asks for an API key').fill('сезам-откройся')
      await page.getByRole('button', { name: 'Use this key' }).click()
      await page.locator(done).waitFor()
      assert.equal(await page.locator('#key-form').isVisible(), false)
      assert.deepEqual(complaints, [])
    } finally {
      await served.stop()
    }
  })

  test('/docs opens without a key, and with the key a person gives it every request is sent', async () => {
    const served = await serveModels({ API_KEYS: 'open-sesame' })
    try {
      const { page, complaints } = await visit(browser, `${served.origin}/docs`)
      const operation = page.locator('#operations-models-listModels')
      const ask = async () => {
        await operation.getByRole('button', { name: 'Execute' }).click()
        const status = operation.locator('.live-responses-table .response-col_status')
        await status.nth(1).waitFor()
        return (await status.nth(1).textContent())?.trim().slice(0, 3)
      }
      await operation.locator('.opblock-summary-control').click()
      assert.equal(await ask(), '401')
      await operation.getByRole('button', { name: 'Clear' }).click()
      await page.getByRole('button', { name: 'Authorize' }).first().click()
      const dialog = page.locator('.auth-container')
      await dialog.locator('input').fill('open-sesame')
      await dialog.getByRole('button', { name: 'Apply credentials' }).click()
      await page.getByRole('button', { name: 'Close', exact: true }).click()
      assert.equal(await ask(), '200')
      assert.deepEqual(complaints, [])
    } finally {
      await served.stop()
    }
  })

  test('without a key the page is the only thing that people get', async () => {
    const served = await serveModels({ API_KEYS: 'open-sesame' })
    try {
      const page = await fetch(served.origin, { headers: { accept: 'text/html' } })
      assert.deepEqual([page.status, page.headers.get('www-authenticate')], [401, 'Bearer'])
      assert.match(await page.text(), /<title>/)
      for (const path of ['/', '/v1/models', '/docs', '/metrics', '/openapi.yaml']) {
        const { status } = await fetch(new URL(path, served.origin))
        assert.equal(status, 401, path)
      }
    } finally {
      await served.stop()
    }
  })

  test('more images than the queue takes are all classified, some of them later', async () => {
    const served = await serveModels(
      { MAX_QUEUE_SIZE: '1', MAX_BATCH_SIZE: '1', SESSIONS_PER_DEVICE: '1' },
      ['--filters', '32'], // 224 pixels high: slow enough for a queue
    )
    try {
      const { page } = await visit(browser, served.origin)
      await page.setInputFiles('#files', [...(await photographs(12))])
      await page
        .getByText(/Trying again in \d+ s/)
        .first()
        .waitFor()
      await page.locator(done).nth(11).waitFor({ timeout: 120_000 })
      assert.equal(await page.locator('#results-count').textContent(), '12 of 12 classified')
      const metrics = await (await fetch(new URL('/metrics', served.origin))).text()
      assert.match(metrics, /rejected_total\{reason="overloaded"\} [1-9]/)
    } finally {
      await served.stop()
    }
  })

  test('a limit of requests is waited for, and the page says so', async () => {
    const served = await serveModels({ RATE_LIMIT_PER_MINUTE: '8' })
    try {
      const { page } = await visit(browser, served.origin)
      await page.setInputFiles('#files', [...(await photographs(9))])
      await page
        .getByText(/more than 8 requests in a minute.*Trying again in \d+ s/i)
        .first()
        .waitFor()
      assert.notEqual(await page.locator(done).count(), 0)
    } finally {
      await served.stop()
    }
  })

  test('what failed while the server was away is tried again alone', async () => {
    const first = await serveModels()
    const { page } = await visit(browser, first.origin)
    await page.setInputFiles('#files', [await photograph('early.jpg')])
    await page.locator(done).waitFor()
    await first.stop()
    await page.setInputFiles('#files', [await photograph('late.jpg', 2)])
    await page.locator('.card[data-state="failed"]').waitFor()
    const second = await serveModels({ PORT: new URL(first.origin).port })
    try {
      const asked: string[] = []
      page.on('request', (request) => asked.push(request.method()))
      await page.getByRole('button', { name: 'Try the failed again' }).click()
      await page.locator(done).nth(1).waitFor()
      assert.equal(asked.filter((method) => method === 'POST').length, 1)
      assert.equal(await page.locator('#again-failed').isVisible(), false)
      assert.equal(await page.evaluate('document.activeElement.id'), 'again')
    } finally {
      await second.stop()
    }
  })

  test('an empty file is told without asking the server', async () => {
    const served = await serveModels()
    try {
      const { page } = await visit(browser, served.origin)
      const asked: string[] = []
      page.on('request', (request) => asked.push(request.method()))
      const empty = { name: 'empty.jpg', mimeType: 'image/jpeg', buffer: Buffer.alloc(0) }
      await page.setInputFiles('#files', [empty])
      await page
        .locator('.problem', { hasText: /^The file has 0 bytes\..*image_missing/ })
        .waitFor()
      assert.equal(await page.locator('figcaption').textContent(), '0 kB')
      assert.equal(asked.includes('POST'), false)
    } finally {
      await served.stop()
    }
  })

  test('sizes and times of a refusal are in units that people read', async () => {
    const served = await serveModels({ MAX_IMAGE_BYTES: '2000000' })
    try {
      const { page } = await visit(browser, served.origin)
      const large = { name: 'large.jpg', mimeType: 'image/jpeg', buffer: Buffer.alloc(3_000_000) }
      await page.setInputFiles('#files', [large])
      await page.locator('.problem', { hasText: /more than the 2\.0 MB allowed/ }).waitFor()
    } finally {
      await served.stop()
    }
  })

  test('a server that is gone is named, with what to do', async () => {
    const served = await serveModels()
    const { page } = await visit(browser, served.origin)
    await served.stop()
    await page.setInputFiles('#files', [await photograph('late.jpg')])
    await page.locator('.problem', { hasText: /did not answer.*Is the server still run/ }).waitFor()
  })
})
