// `npm run newcomer`: the way of somebody who has read nothing but the README's first screen. The
// committed state is cloned into an empty folder, the README's first commands run there as they
// stand, and the page at the README's address classifies a photograph in a real browser.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { readConfig } from '../../src/config.ts'
import { launchBrowser, noBrowser, visit } from '../support/browser.ts'
import { readFirstScreen } from './first-screen.ts'
import { phonePhotograph } from './phone-photograph.ts'

/** Installing takes a minute on two cores and a good network; a hanging one must not hold CI up. */
const patienceMs = 900_000
const repository = fileURLToPath(new URL('../../../', import.meta.url))

if (noBrowser !== false) throw new Error(noBrowser)
const startedAt = performance.now()
const folder = await mkdtemp(join(tmpdir(), 'resnet-serving-newcomer-'))
const clone = join(folder, 'resnet-serving')
execFileSync('git', ['clone', '--quiet', '--no-local', repository, clone], { stdio: 'inherit' })
const { commands, address } = readFirstScreen(await readFile(join(clone, 'README.md'), 'utf8'))
say(`cloned ${head()}; the README says: ${commands}, then ${address}`)
const { host, port } = readConfig({})
if (address !== `http://${host}:${port}`) giveUp(`it listens on ${host}:${port} by itself`)

const child = spawn('bash', ['-c', commands], {
  cwd: clone,
  env: newcomersEnvironment(),
  stdio: ['ignore', 'pipe', 'inherit'],
  detached: true, // a group of its own, so that npm's children end with it
})
const ended = once(child, 'close') // all that it printed has been read
const printed: string[] = []
const lines = createInterface({ input: child.stdout })
lines.on('line', (line) => printed.push(line))
try {
  const origin = await listening()
  say(`it listens on ${origin}`)
  await classifyOwnPhotograph(origin)
} finally {
  if (child.exitCode === null && child.signalCode === null) process.kill(-groupId(), 'SIGINT')
  await ended
  await rm(folder, { recursive: true, force: true })
}
// npm and bash end by the signal, whatever the server's exit code was.
if (!printed.some((line) => line.includes('"msg":"stopped"'))) giveUp('Ctrl-C did not drain it')
say('Ctrl-C ended it; all is well')

async function listening(): Promise<string> {
  const timer = setTimeout(() => process.kill(-groupId(), 'SIGKILL'), patienceMs)
  const origin = await new Promise<string | undefined>((resolve) => {
    lines.on('close', () => resolve(undefined))
    lines.on('line', (line) => {
      console.log(`  | ${line.slice(0, 160)}`)
      const address = /"address":"(.*?)".*"msg":"listening"/.exec(line)?.[1]
      if (address !== undefined) resolve(address)
    })
  })
  clearTimeout(timer)
  return origin ?? giveUp('the commands ended, or hung, and nothing listens')
}

async function classifyOwnPhotograph(origin: string): Promise<void> {
  const photograph = join(folder, 'IMG_2041.JPG')
  await writeFile(photograph, await phonePhotograph())
  const browser = await launchBrowser()
  try {
    const { page, complaints } = await visit(browser, origin)
    await page.locator('#live-sessions', { hasText: 'of' }).waitFor() // its script runs
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByRole('button', { name: 'Choose images' }).click(),
    ])
    await chooser.setFiles(photograph)
    await page.locator('.card[data-state="done"]').waitFor()
    const answers = await page.locator('.answer').allInnerTexts()
    for (const answer of answers) say(answer.replaceAll(/\s+/g, ' ').slice(0, 160))
    const classes = await page.locator('.predictions .label').allTextContents()
    if (answers.length !== 2 || classes.length !== 10 || classes.includes('')) {
      giveUp(`two answers of five classes were expected, not ${classes.join(', ')}`)
    }
    if (complaints.length > 0) giveUp(`the browser complains: ${complaints.join('; ')}`)
  } finally {
    await browser.close()
  }
}

/** Without what this project's own variables and `npm run` would add to it. */
function newcomersEnvironment(): NodeJS.ProcessEnv {
  const own =
    /^(npm_(?!config_)|npm_config_local_prefix$|INIT_CWD$|NODE_OPTIONS$|ENGINE|MODEL|DEVICES$|API_KEYS$)/
  const kept = Object.entries(process.env).filter(([name]) => !own.test(name))
  // Any port, since 8080 may be taken; and no weights: another test downloads them from a server of
  // its own, 190 MB a run are too many.
  return { ...Object.fromEntries(kept), PORT: '0', MODEL_SOURCE: 'none' }
}

function groupId(): number {
  return child.pid ?? giveUp('bash did not start')
}

function head(): string {
  return execFileSync('git', ['-C', clone, 'rev-parse', '--short', 'HEAD'], {
    encoding: 'utf8',
  }).trim()
}

function say(text: string): void {
  console.log(`${((performance.now() - startedAt) / 1000).toFixed(0).padStart(4)} s  ${text}`)
}

function giveUp(why: string): never {
  throw new Error(`the newcomer's way is broken: ${why}`)
}
