import assert from 'node:assert/strict'
import test, { after, before, describe } from 'node:test'
import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser, noBrowser, visit } from '../support/browser.ts'
import { photograph, photographs } from '../support/photographs.ts'
import { runCurl } from '../support/run-curl.ts'
import { type Served, serveModels } from '../support/served.ts'

const done = '.card[data-state="done"]'
const failed = '.card[data-state="failed"]'

describe('the page at /', { skip: noBrowser }, () => {
  let served: Served
  let browser: Browser

  before(async () => {
    ;[served, browser] = await Promise.all([serveModels(), launchBrowser()])
  })
  after(async () => {
    await browser?.close()
    await served?.stop()
  })

  const open = (options = {}) => visit(browser, served.origin, options)

  test('several chosen images get a card each, with five bars of both models', async () => {
    const { page, complaints } = await open()
    await page.setInputFiles('#files', [...(await photographs(6))])
    await page.locator(done).nth(5).waitFor()
    const first = page.locator('.card').first()
    assert.equal(await first.locator('h3').textContent(), 'photo-1.jpg')
    assert.deepEqual(await first.locator('h4 span').allTextContents(), ['resnet34', 'resnet50'])
    assert.equal(await first.locator('.predictions li').count(), 10)
    assert.match((await first.locator('.percent').first().textContent()) ?? '', /^\d+(\.\d)? %$/)
    assert.equal(await page.locator('#results-count').textContent(), '6 of 6 classified')
    assert.deepEqual(complaints, [])
  })

  test('a card tells where the time went and how large the image is', async () => {
    const { page } = await open()
    await page.setInputFiles('#files', [await photograph('one.jpg')])
    await page.locator(done).waitFor()
    const stages = await page.locator('.legend li span').allTextContents()
    assert.deepEqual(stages, ['transfer ', 'decode ', 'queue ', 'infer ', 'in all '])
    assert.match((await page.locator('figcaption').textContent()) ?? '', /^320 × 240, \d+ kB$/)
  })

  test('random weights are said above all and beside each answer', async () => {
    const { page } = await open()
    const notice = await page.locator('.notice').textContent()
    assert.match(notice ?? '', /resnet34 and resnet50 have random weights.*mean nothing/)
    await page.setInputFiles('#files', [await photograph('one.jpg')])
    await page.locator(done).waitFor()
    assert.equal(await page.locator('.answer .random').count(), 2)
  })

  test('an image dropped anywhere on the page is classified', async () => {
    const { page, complaints } = await open()
    await drop(page, await photograph('dropped.jpg'))
    await page.locator(done).waitFor()
    assert.equal(await page.locator('h3').textContent(), 'dropped.jpg')
    assert.deepEqual(complaints, [])
  })

  test('an image pasted from the clipboard is classified', async () => {
    const { page } = await open({ permissions: ['clipboard-read', 'clipboard-write'] })
    await page.evaluate(`(async () => {
      const canvas = new OffscreenCanvas(90, 60)
      canvas.getContext('2d').fillRect(10, 10, 40, 40)
      const png = await canvas.convertToBlob({ type: 'image/png' })
      await navigator.clipboard.write([new ClipboardItem({ 'image/png': png })])
    })()`)
    await page.keyboard.press('Control+V')
    await page.locator(done).waitFor()
    assert.match((await page.locator('h3').textContent()) ?? '', /^Pasted at [\d.]+\.png$/)
  })

  test('an address that is dropped or pasted leaves the page as it is and is explained', async () => {
    const { page } = await open({ permissions: ['clipboard-read', 'clipboard-write'] })
    await page.setInputFiles('#files', [await photograph('kept.jpg')])
    await page.locator(done).waitFor()
    const prevented = await page.evaluate(`(() => {
      const dataTransfer = new DataTransfer()
      dataTransfer.setData('text/uri-list', 'http://example.invalid/a.jpg')
      const drop = new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true })
      document.querySelector('main').dispatchEvent(drop)
      return drop.defaultPrevented
    })()`)
    assert.equal(prevented, true)
    await page.locator('#hint', { hasText: 'Save the picture first' }).waitFor()
    await page.evaluate(`navigator.clipboard.writeText('http://example.invalid/a.jpg')`)
    await page.keyboard.press('Control+V')
    await page.locator('#hint', { hasText: 'holds no picture' }).waitFor()
    assert.equal(await page.locator('.card').count(), 1)
  })

  test('a photograph of the camera is classified', async () => {
    const { page, complaints } = await open()
    await page.getByRole('button', { name: 'Take a photograph' }).click()
    await page.getByRole('button', { name: 'Take it' }).click()
    await page.locator(done).waitFor()
    assert.match((await page.locator('h3').textContent()) ?? '', /^Photograph at/)
    assert.equal(await page.locator('#camera').isVisible(), false)
    assert.deepEqual(complaints, [])
  })

  test('a file that is no image is told what to do instead, and the others are classified', async () => {
    const { page, complaints } = await open()
    const note = { name: 'note.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('not an image') }
    const cut = await photograph('cut.jpg', 3)
    await page.setInputFiles('#files', [
      note,
      { ...cut, buffer: cut.buffer.subarray(0, 700) },
      await photograph('good.jpg'),
    ])
    await page.locator(done).waitFor()
    await page.locator(failed).nth(1).waitFor()
    const texts = await page.locator('.problem').allTextContents()
    assert.match(
      texts[0] ?? '',
      /Accepted: JPEG.*Export the picture as JPEG.*unsupported_image_form/,
    )
    assert.match(texts[1] ?? '', /damaged or was cut off.*image_undecodable/)
    assert.equal(await page.locator('#results-count').textContent(), '1 of 3 classified, 2 failed')
    assert.deepEqual(complaints, [])
  })

  test('one model alone answers where only one is chosen', async () => {
    const { page } = await open()
    await page.getByRole('checkbox', { name: 'resnet50' }).uncheck()
    await page.setInputFiles('#files', [await photograph('one.jpg')])
    await page.locator(done).waitFor()
    assert.deepEqual(await page.locator('h4 span').allTextContents(), ['resnet34'])
    await page.getByRole('checkbox', { name: 'resnet50' }).check()
    await page.getByRole('button', { name: 'Classify all again' }).click()
    await page.locator(`${done} .answer`).nth(1).waitFor()
  })

  test('the heat map that the server offers is shown beside each answer', async () => {
    const { page, complaints } = await open()
    await page.getByRole('checkbox', { name: 'Heat map' }).check()
    await page.setInputFiles('#files', [await photograph('one.jpg')])
    await page.locator(done).waitFor()
    await page.waitForFunction(
      `[...document.querySelectorAll('.heat')].filter((heat) => heat.naturalWidth > 0).length === 2`,
    )
    const [first] = await page.locator('.legend li span').allTextContents()
    assert.equal(first, 'heat map and transfer ')
    assert.deepEqual(complaints, [])
  })

  test('the copied curl command answers what the page shows', async (t) => {
    const { page } = await open({ permissions: ['clipboard-read', 'clipboard-write'] })
    const { buffer } = await photograph('x')
    const name = "it's a photo.jpg"
    await page.setInputFiles('#files', [{ name, mimeType: 'image/jpeg', buffer }])
    await page.locator(done).waitFor()
    await page.getByRole('button', { name: 'Copy as curl' }).click()
    const command = (await page.evaluate('navigator.clipboard.readText()')) as string
    const { results } = JSON.parse(await runCurl(t, command, { [name]: buffer }))
    const shown = await page.locator('.predictions li:first-child .label').allTextContents()
    const [first, second] = results as { predictions: { label: string }[] }[]
    assert.deepEqual([first?.predictions[0]?.label, second?.predictions[0]?.label], shown)
  })

  test('the keyboard alone is enough, and focus is never lost', async () => {
    const { page } = await open()
    const focused = () => page.evaluate('document.activeElement.textContent')
    // Asked for first: a browser that is told late to hand the dialogue over would show it.
    const chooser = page.waitForEvent('filechooser', { timeout: 120_000 })
    await page.keyboard.press('Tab')
    assert.equal(await focused(), 'Skip to the results')
    await page.keyboard.press('Tab')
    assert.equal(await focused(), 'Choose images')
    await page.keyboard.press('Enter')
    await (await chooser).setFiles([...(await photographs(2))])
    await page.locator(done).nth(1).waitFor()
    await page.getByRole('button', { name: 'Remove: photo-1.jpg' }).focus()
    await page.keyboard.press('Enter')
    assert.equal(await page.locator('.card').count(), 1)
    assert.equal(await focused(), 'Copy as curl')
    await page.getByRole('button', { name: 'Clear' }).press('Space')
    assert.equal(await focused(), 'Choose images')
  })

  test('a screen reader hears each result', async () => {
    const { page } = await open()
    await page.setInputFiles('#files', [await photograph('heard.jpg')])
    await page.locator(done).waitFor()
    const heard = (await page.locator('#announcer').textContent()) ?? ''
    assert.match(heard, /heard\.jpg: resnet34 says .+, \d.* %, with random weights\. resnet50 says/)
  })

  for (const [name, options] of Object.entries({
    'in the light': { colorScheme: 'light' },
    'in the dark': { colorScheme: 'dark' },
    'on a narrow screen': { viewport: { width: 320, height: 640 } },
  })) {
    test(`axe finds nothing ${name}, and nothing is cut off`, async () => {
      const { page } = await open(options)
      await page.setInputFiles('#files', [
        await photograph('a-photograph-with-a-name-that-is-far-too-long-for-one-line.jpg'),
        { name: 'note.txt', mimeType: 'text/plain', buffer: Buffer.from('text') },
      ])
      await page.locator(done).waitFor()
      await page.locator(failed).waitFor()
      await page.evaluate(axe.source)
      const { violations } = (await page.evaluate('axe.run()')) as axe.AxeResults
      assert.deepEqual(
        violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`),
        [],
      )
      assert.equal(
        await page.evaluate('document.documentElement.scrollWidth - innerWidth <= 0'),
        true,
      )
    })
  }

  test('the dark page is dark', async () => {
    const { page } = await open({ colorScheme: 'dark' })
    const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor')
    assert.equal(ground, 'rgb(16, 22, 20)')
  })

  test('a name of a class is never cut off, however long it is', async () => {
    const { page } = await open({ viewport: { width: 320, height: 640 } })
    await page.setInputFiles('#files', [await photograph('one.jpg')])
    await page.locator(done).waitFor()
    const label = page.locator('.label').first()
    await label.evaluate((element) => element.append('-and-so-on'.repeat(30)))
    assert.ok(await label.evaluate(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth))
    assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'))
  })

  test('where the system chooses the colours, bars are still seen', async () => {
    const { page } = await open({ forcedColors: 'active' })
    await page.setInputFiles('#files', [await photograph('one.jpg')])
    await page.locator(done).waitFor()
    const grounds = await page.evaluate(`['.gauge', '.fill'].map((name) =>
      getComputedStyle(document.querySelector(name)).backgroundColor)`)
    assert.equal(new Set(grounds as string[]).size, 2)
  })

  test('without JavaScript a form sends the image, and the answer is shown as it is', async () => {
    const { page } = await open({ javaScriptEnabled: false })
    assert.equal(await page.getByText('Drop photographs here').isVisible(), false)
    await page.getByLabel('An image').setInputFiles([await photograph('one.jpg')])
    await page.getByRole('button', { name: 'Classify' }).click()
    await page.getByText('"predictions"').waitFor()
  })

  test('live numbers appear, and nothing is asked of any other host', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    const hosts = new Set<string>()
    page.on('request', (request) =>
      hosts.add(new URL(request.url()).protocol + new URL(request.url()).host),
    )
    await page.goto(served.origin)
    await page.locator('#live-sessions', { hasText: /^0 of \d+$/ }).waitFor()
    await page.setInputFiles('#files', [await photograph('one.jpg')])
    await page.locator('#live-rate', { hasText: /^\d/ }).waitFor()
    assert.deepEqual(
      [...hosts].filter((host) => !host.startsWith('blob:')),
      [new URL(served.origin).protocol + new URL(served.origin).host],
    )
  })

  test('/docs classifies an image chosen there', async () => {
    const { page, complaints } = await visit(browser, `${served.origin}/docs`)
    const operation = page.locator('#operations-classify-classifyImage')
    await operation.locator('.opblock-summary').click()
    await operation.locator('input[type=file]').setInputFiles([await photograph('tried.jpg')])
    await operation.getByRole('button', { name: 'Execute' }).click()
    const answer = operation.locator('.live-responses-table tr.response .response-col_status')
    await answer.filter({ hasText: '200' }).waitFor()
    assert.deepEqual(complaints, [])
  })
})

/** What the browser does when a person lets go of a file over the page. */
async function drop(
  page: Page,
  { name, mimeType, buffer }: Awaited<ReturnType<typeof photograph>>,
) {
  const data = JSON.stringify([buffer.toString('base64'), name, mimeType])
  await page.evaluate(`(async () => {
    const [base64, name, type] = ${data}
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
    const dataTransfer = new DataTransfer()
    dataTransfer.items.add(new File([bytes], name, { type }))
    for (const kind of ['dragenter', 'dragover', 'drop']) {
      const event = new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true })
      document.querySelector('main').dispatchEvent(event)
    }
  })()`)
}
