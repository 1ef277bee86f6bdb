// Which models answer: all that are served can be compared side by side on one decode.
import { byId, make } from './elements.ts'
import type { ModelInfo } from './service.ts'

/** The service compares this many at most (openapi.yaml, `model`). */
const maxCompared = 8
/** Chosen at first, where there are as many: the point of the page is to compare. */
const chosenAtFirst = 2

const box = byId('models')
const notices = byId('notices')
let shown = ''

/** Names of the chosen models; empty leaves the choice to the service. */
export function chosenModels(): readonly string[] {
  const boxes = box.querySelectorAll<HTMLInputElement>('input:checked')
  return [...boxes].map(({ value }) => value).slice(0, maxCompared)
}

/** Shows the models as they are now, keeping what was chosen. */
export function showModels(all: readonly ModelInfo[]): void {
  const served = all.filter((model) => model.served)
  const state = JSON.stringify(served.map(({ model, weights }) => [model, weights.kind]))
  if (state === shown) return
  const isFirst = shown === ''
  shown = state
  const before = new Set(chosenModels())
  const atFirst = [...served].sort((a, b) => Number(b.default) - Number(a.default))
  const chosen = new Set(atFirst.slice(0, chosenAtFirst).map(({ model }) => model))
  for (const chip of box.querySelectorAll('label')) chip.remove()
  box.hidden = served.length < 2
  box.append(
    ...served.map((model) =>
      chip(model, isFirst ? chosen.has(model.model) : before.has(model.model)),
    ),
  )
  notices.replaceChildren(...noticesFor(served))
}

function chip({ model, weights, engine }: ModelInfo, checked: boolean): HTMLElement {
  const input = make('input', { type: 'checkbox', value: model })
  input.checked = checked
  const label = make('label', { class: 'chip' }, input, make('span', { text: model }))
  if (weights.kind === 'random') label.append(make('em', { class: 'random', text: 'random' }))
  if (engine !== undefined) {
    label.title = `${engine.name} on ${engine.device}, ${engine.precision}`
  }
  return label
}

function noticesFor(served: readonly ModelInfo[]): readonly HTMLElement[] {
  if (served.length === 0) {
    return [
      make('p', {
        class: 'notice',
        text: 'No model is served yet: the server is starting, or its models failed. Its log says which.',
      }),
    ]
  }
  const random = served.filter(({ weights }) => weights.kind === 'random')
  if (random.length === 0) return []
  const names = random.map(({ model }) => model).join(' and ')
  const have = random.length === 1 ? 'has' : 'have'
  return [
    make(
      'p',
      { class: 'notice' },
      make('b', { text: `${names} ${have} random weights. ` }),
      document.createTextNode('Everything works, but the answers mean nothing. '),
      make('code', { text: `npx resnet-serving models pull` }),
      document.createTextNode(' downloads the published weights; then start the server again.'),
    ),
  ]
}
