// A real browser without a window: Debian's Chromium, driven by playwright-core.
import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** Why tests that need a browser cannot run, or false where they can. */
export const noBrowser = existsSync(executablePath)
  ? false
  : `needs Chromium at ${executablePath} (Debian: apt-get install chromium), or its path in CHROMIUM`

export async function launchBrowser(): Promise<Browser> {
  return await chromium.launch({
    executablePath,
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
      // A camera that shows a moving test picture, and nobody to ask for permission.
      ...['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
    ],
  })
}

export interface Visit {
  readonly page: Page
  /** What the browser complained of: violations of the content policy, exceptions. */
  readonly complaints: readonly string[]
}

/** The page at `address`, in a profile of its own. */
export async function visit(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    // A refused request is an answer that the page shows; the browser logs it all the same.
    const isRefusal = message.text().startsWith('Failed to load resource')
    if (message.type() === 'error' && !isRefusal) complaints.push(message.text())
  })
  await page.goto(address)
  return { page, complaints }
}
