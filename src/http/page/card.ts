// One image of the page: its thumbnail, how far it is, and what came of it.
import { adviceFor, sentenceOf } from './advice.ts'
import { answerView, percent } from './answer-view.ts'
import type { Answer } from './classify.ts'
import { copy, curlCommand } from './curl.ts'
import { announce, button, make } from './elements.ts'
import { queueDepth } from './live.ts'
import { type Problem, ServiceProblem } from './service.ts'
import { timingView } from './timing.ts'
import { enqueue, type Progress } from './upload-queue.ts'

/** What is asked about every image, as the page's choices are when it is sent. */
export interface Choices {
  readonly models: readonly string[]
  readonly explain: boolean
}

export interface Card {
  readonly element: HTMLElement
  readonly state: 'running' | 'done' | 'failed'
  classify(): void
  remove(): void
}

export interface CardOptions {
  readonly file: Blob
  readonly name: string
  readonly choices: () => Choices
  readonly onChange: () => void
  readonly onRemove: (card: Card) => void
}

export function createCard({ file, name, choices, onChange, onRemove }: CardOptions): Card {
  const address = URL.createObjectURL(file)
  const body = make('div', { class: 'body' })
  const actions = make('div', { class: 'actions' })
  const element = make(
    'li',
    { class: 'card' },
    thumbnail(address, name, file.size),
    make('div', { class: 'content' }, make('h3', { text: name }), body, actions),
  )
  let state: Card['state'] = 'running'
  let running = new AbortController()

  function settle(next: Card['state'], ...content: readonly Node[]): void {
    state = next
    element.dataset.state = next
    body.replaceChildren(...content)
    onChange()
  }

  async function run(): Promise<void> {
    running.abort()
    running = new AbortController()
    const { signal } = running
    const question = choices()
    const view = progressView()
    settle('running', view.element)
    actions.replaceChildren(removeButton('Cancel'))
    try {
      const answer = await enqueue({ file, ...question, signal, progress: view.progress })
      settle('done', answersView(answer), timingView(answer.timing, question.explain))
      announce(`${name}: ${summaryOf(answer)}`)
    } catch (error) {
      if (signal.aborted) return
      const problem = problemIn(error)
      settle('failed', problemView(problem))
      announce(`${name} failed. ${sentenceOf(problem)}`)
    } finally {
      view.stop()
    }
    actions.replaceChildren(
      ...(state === 'done' ? [copyButton({ name, ...question })] : []),
      againButton(state === 'done' ? 'Again' : 'Try again'),
      removeButton('Remove'),
    )
  }

  function againButton(text: string): HTMLButtonElement {
    return button(text, card.classify, `${text}: ${name}`)
  }

  function removeButton(text: string): HTMLButtonElement {
    return button(text, card.remove, `${text}: ${name}`)
  }

  const card: Card = {
    element,
    get state() {
      return state
    },
    classify: () => void run(),
    remove() {
      running.abort()
      URL.revokeObjectURL(address)
      onRemove(card)
    },
  }
  return card
}

function thumbnail(address: string, name: string, sizeBytes: number): HTMLElement {
  const image = make('img', { src: address, alt: '', decoding: 'async' })
  const caption = make('figcaption', { text: bytes(sizeBytes) })
  image.addEventListener('load', () => {
    caption.textContent = `${image.naturalWidth} × ${image.naturalHeight}, ${bytes(sizeBytes)}`
  })
  image.addEventListener('error', () => {
    const extension = /\.(\w{1,5})$/.exec(name)?.[1] ?? 'file'
    image.replaceWith(make('span', { class: 'no-preview', text: extension }))
  })
  return make('figure', {}, image, caption)
}

interface ProgressView {
  readonly element: HTMLElement
  readonly progress: Progress
  stop(): void
}

/** How often a countdown or the queue's depth is shown anew. */
const refreshMs = 500

function progressView(): ProgressView {
  const text = make('p', { class: 'state' })
  const bar = make('progress', { max: '1', 'aria-label': 'Upload' })
  const element = make('div', { class: 'progress' }, text, bar)
  let describe = () => ''
  const show = (next: () => string, value?: number) => {
    describe = next
    text.textContent = describe()
    if (value === undefined) bar.removeAttribute('value')
    else bar.value = value
  }
  const timer = setInterval(() => {
    text.textContent = describe()
  }, refreshMs)
  const progress: Progress = {
    waiting: () => show(() => 'Waiting for its turn', 0),
    uploading: (fraction) => show(() => `Uploading: ${Math.floor(fraction * 100)} %`, fraction),
    sent: () => show(inService),
    pausedUntil: (time, problem) => show(() => `${sentenceOf(problem)} ${countdown(time)}`, 0),
  }
  return { element, progress, stop: () => clearInterval(timer) }
}

function inService(): string {
  const ahead = queueDepth()
  return ahead > 0 ? `In the queue: ${ahead} waiting` : 'Being classified'
}

function countdown(time: number): string {
  const seconds = Math.max(0, Math.ceil((time - performance.now()) / 1000))
  return `Trying again in ${seconds} s.`
}

function answersView({ results, timing }: Answer): HTMLElement {
  return make(
    'div',
    { class: 'answers' },
    ...results.map((result, index) => answerView(result, timing.models[index])),
  )
}

function summaryOf({ results }: Answer): string {
  return results
    .map(({ model, predictions: [best], weights }) => {
      const doubt = weights === 'random' ? ', with random weights' : ''
      return `${model} says ${best?.label ?? 'nothing'}, ${percent(best?.probability ?? 0)}${doubt}`
    })
    .join('. ')
}

function problemIn(error: unknown): Problem {
  if (error instanceof ServiceProblem) return error.problem
  console.error(error)
  return { code: 'page', title: 'The page failed', detail: String(error) }
}

function problemView(problem: Problem): HTMLElement {
  const view = make(
    'div',
    { class: 'problem' },
    make('p', { class: 'what', text: sentenceOf(problem) }),
    make('p', { text: adviceFor(problem) }),
  )
  const id = problem.requestId === undefined ? '' : `, request ${problem.requestId}`
  view.append(make('p', { class: 'fine', text: `${problem.code}${id}` }))
  return view
}

function copyButton(options: Choices & { readonly name: string }): HTMLElement {
  const command = curlCommand(options)
  const made = button('Copy as curl', () => void show(), `Copy as curl: ${options.name}`)

  async function show(): Promise<void> {
    if (await copy(command)) {
      made.textContent = 'Copied'
      announce('The curl command is in the clipboard')
      return
    }
    // On plain HTTP the browser keeps the clipboard from pages: the command is shown to be copied.
    const shown = make('input', { class: 'command', readonly: '', 'aria-label': 'curl command' })
    shown.value = command
    made.replaceWith(shown)
    shown.select()
  }
  return made
}

const bytesPerKb = 1000
const bytesPerMb = 1_000_000

function bytes(count: number): string {
  if (count >= bytesPerMb) return `${(count / bytesPerMb).toFixed(1)} MB`
  return `${Math.max(Math.sign(count), Math.round(count / bytesPerKb))} kB`
}
