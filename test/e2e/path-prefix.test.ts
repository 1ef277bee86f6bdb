// Behind a proxy that gives the service a path of its own, as nginx does for several services of one host.
import assert from 'node:assert/strict'
import test, { after, before, describe } from 'node:test'
import { createClient } from '../../client/src/client.ts'
import { launchBrowser, noBrowser, visit } from '../support/browser.ts'
import { photograph } from '../support/photographs.ts'
import { openPrefixProxy, type PrefixProxy } from '../support/prefix-proxy.ts'
import { runCommand } from '../support/run-command.ts'
import { runCurl } from '../support/run-curl.ts'
import { type Served, serveModels } from '../support/served.ts'
import { tempFolder } from '../support/temp-folder.ts'

let served: Served
let proxy: PrefixProxy
before(async () => {
  served = await serveModels()
  proxy = await openPrefixProxy(served.origin)
})
after(async () => {
  proxy?.close()
  await served?.stop()
})

test('the page below a path of a proxy classifies, and its curl command finds the service', {
  skip: noBrowser,
}, async (t) => {
  const browser = await launchBrowser()
  t.after(() => browser.close())
  const permissions = ['clipboard-read', 'clipboard-write']
  const { page, complaints } = await visit(browser, `${proxy.base}/`, { permissions })
  const picture = await photograph('one.jpg')
  await page.setInputFiles('#files', [picture])
  await page.locator('.card[data-state="done"]').waitFor()
  await page.locator('#live-rate', { hasText: /^\d/ }).waitFor()
  await page.getByRole('button', { name: 'Copy as curl' }).click()
  const command = (await page.evaluate('navigator.clipboard.readText()')) as string
  assert.match(await runCurl(t, command, { 'one.jpg': picture.buffer }), /"predictions"/)
  for (const link of await page.locator('#links a').all()) {
    const address = await link.evaluate((element) => (element as unknown as { href: string }).href)
    assert.equal((await fetch(address)).status, 200, address)
  }
  assert.deepEqual(complaints, [])
})

test('/docs below a path of a proxy asks the service there, with a slash at its end or none', {
  skip: noBrowser,
}, async (t) => {
  const browser = await launchBrowser()
  t.after(() => browser.close())
  for (const path of ['/docs', '/docs/']) {
    const { page, complaints } = await visit(browser, `${proxy.base}${path}`)
    const operation = page.locator('#operations-models-listModels')
    await operation.locator('.opblock-summary-control').click()
    await operation.getByRole('button', { name: 'Execute' }).click()
    const answer = operation.locator('.live-responses-table tr.response .response-col_status')
    await answer.filter({ hasText: '200' }).waitFor()
    assert.deepEqual(complaints, [])
  }
})

describe('commands and the client take an address with a path', () => {
  test('health, bench and classify', async (t) => {
    const { buffer } = await photograph('')
    const folder = await tempFolder(t, { 'a.jpg': buffer })
    for (const url of [proxy.base, `${proxy.base}/`]) {
      for (const args of [
        ['health', '--url', url],
        ['classify', '--url', url, folder],
        ['bench', '--url', url, '--clients', '1', '--seconds', '1', folder],
      ]) {
        const { code, stderr } = await runCommand(args)
        assert.equal(code, 0, `${args}: ${stderr}`)
      }
    }
  })

  test('the typed client', async () => {
    const { buffer } = await photograph('')
    const { predictions } = await createClient({ baseUrl: proxy.base }).classify(buffer)
    assert.equal(predictions.length, 5)
  })
})
