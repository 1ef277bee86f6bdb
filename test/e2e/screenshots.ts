// `npm run screenshots`: the pictures of README and docs, taken from a real server in a real browser.
// MODEL_REPOSITORY says which models they show, PICTURES a folder of images to classify; what stands
// in docs/ shows the two networks and the drawings of docs/examples/train_fruit.py.
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BrowserContextOptions } from 'playwright-core'
import { sharp } from '../../src/imaging/sharp.ts'
import { launchBrowser, noBrowser, visit } from '../support/browser.ts'
import { serveRepository } from '../support/served.ts'

const target = fileURLToPath(new URL('../../../docs/pictures/', import.meta.url))
/** What a README is read at; twice the density doubles every file. */
const wide = { viewport: { width: 1100, height: 700 } }
const narrow = { viewport: { width: 390, height: 844 } }
/** Colours of a palette: the page has few, its thumbnails are small. */
const colours = 200

if (noBrowser !== false) throw new Error(noBrowser)
const { MODEL_REPOSITORY, PICTURES } = process.env
if (!MODEL_REPOSITORY || !PICTURES) throw new Error('set MODEL_REPOSITORY and PICTURES (folders)')
mkdirSync(target, { recursive: true })
const pictures = readdirSync(PICTURES).map((name) => join(PICTURES, name))
const server = await serveRepository(MODEL_REPOSITORY)
const browser = await launchBrowser()

async function shoot(name: string, options: BrowserContextOptions, files: readonly string[]) {
  const { page } = await visit(browser, server.origin, options)
  await page.locator('#live-sessions', { hasText: 'of' }).waitFor()
  if (files.length > 0) {
    await page.setInputFiles('#files', [...files])
    await page
      .locator('.card[data-state="done"]')
      .nth(files.length - 1)
      .waitFor()
    await page.getByRole('button', { name: 'Classify all again' }).click() // warm, as a visitor finds it
    await page
      .locator('.card[data-state="done"]')
      .nth(files.length - 1)
      .waitFor()
    await page.locator('#live-rate', { hasText: /\d/ }).waitFor()
  }
  await page.evaluate('document.activeElement?.blur(); scrollTo(0, 0)')
  const png = await page.screenshot()
  await sharp(png)
    .png({ palette: true, colours, effort: 10 })
    .toFile(join(target, `${name}.png`))
}

await shoot('page', wide, pictures.slice(0, 4))
await shoot('page-dark', { ...wide, colorScheme: 'dark' }, pictures.slice(4, 8))
await shoot('page-narrow', narrow, pictures.slice(2, 4))
await shoot('page-empty', wide, [])
await browser.close()
await server.stop()
