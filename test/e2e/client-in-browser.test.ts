// The typed client in a real browser, on a page of another origin that the service allows.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser, noBrowser } from '../support/browser.ts'
import { picture } from '../support/pictures.ts'
import { type Service, startService } from '../support/service.ts'

const files: Readonly<Record<string, URL>> = {
  '/client.js': new URL('../../client/src/client.js', import.meta.url),
  '/openapi-fetch.js': new URL(
    '../../../node_modules/openapi-fetch/dist/index.mjs',
    import.meta.url,
  ),
}
const html = `<!doctype html><script type="importmap">
{ "imports": { "openapi-fetch": "/openapi-fetch.js" } }</script>`

describe('the typed client in Chromium', { skip: noBrowser }, () => {
  let service: Service
  let browser: Browser
  let pages: Server
  let pageOrigin: string
  before(async () => {
    pages = createServer(sendFile).listen(0, '127.0.0.1')
    await once(pages, 'listening')
    pageOrigin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`
    const http = { apiKeys: ['secret', '鍵'], corsOrigins: [pageOrigin] }
    ;[service, browser] = await Promise.all([startService({ http }), launchBrowser()])
  })
  after(async () => {
    await browser?.close()
    await service?.close()
    pages?.close()
  })

  async function sendFile({ url = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
    const file = files[url]
    response.setHeader('content-type', file === undefined ? 'text/html' : 'text/javascript')
    response.end(file === undefined ? html : await readFile(fileURLToPath(file)))
  }

  async function openPage(): Promise<Page> {
    const page = await browser.newPage()
    await page.goto(pageOrigin)
    return page
  }

  /** What `use`, a function of the client and an image as text, gives in the browser. */
  async function inPage(apiKey: string, use: string): Promise<Record<string, unknown>> {
    const page = await openPage()
    const base64 = (await picture(1)).toString('base64')
    const options = JSON.stringify({ baseUrl: service.origin, apiKey })
    const script = `(async () => {
      const { createClient, ServiceRefusal } = await import('/client.js')
      const bytes = Uint8Array.from(atob('${base64}'), (letter) => letter.charCodeAt(0))
      const image = new File([bytes], 'photo.png', { type: 'image/png' })
      try {
        return await (${use})(createClient(${options}), image)
      } catch (error) {
        if (!(error instanceof ServiceRefusal)) throw error
        const { status, code, requestId, message } = error
        return { status, code, requestId, message }
      }
    })()`
    return (await page.evaluate(script)) as Record<string, unknown>
  }

  test('a file that a person chose is classified, as the service itself answers', async () => {
    const answer = await inPage('secret', '(client, image) => client.classify(image, { topK: 3 })')
    const direct = await fetch(`${service.origin}/v1/classify?top_k=3`, {
      method: 'POST',
      body: new Uint8Array(await picture(1)),
      headers: { authorization: 'Bearer secret' },
    })
    assert.deepEqual(answer, await direct.json())
  })

  test('models are listed, with a key in any script', async () => {
    for (const key of ['secret', '鍵']) {
      const answer = await inPage(key, 'async (client) => ({ models: await client.models() })')
      const [model] = answer.models as readonly { readonly model: string }[]
      assert.equal(model?.model, 'small', key)
    }
  })

  test('a refusal arrives with its status, code, words and request id', async () => {
    const refused = await inPage('wrong', '(client, image) => client.classify(image)')
    assert.deepEqual([refused.status, refused.code], [401, 'unauthorized'])
    assert.match(String(refused.message), /a key that is unknown/)
    assert.match(String(refused.requestId), /./)
  })
})
