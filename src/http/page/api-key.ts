// The API key, where the server wants one: asked for once, kept for this tab, sent with every request.
import { byId } from './elements.ts'

const place = 'resnet-serving.key'
const form = byId<HTMLFormElement>('key-form')
const input = byId<HTMLInputElement>('key')

/** Resolvers of everybody who waits for a key. */
let waiting: (() => void)[] = []

export function currentKey(): string | null {
  return sessionStorage.getItem(place)
}

/** Shows the form and resolves when a key has been entered. */
export function askForKey(): Promise<void> {
  byId('key-wrong').textContent =
    currentKey() === null
      ? ''
      : 'The server does not know this key. Check it for missing characters.'
  const isNew = form.hidden
  form.hidden = false
  if (isNew) input.focus()
  return new Promise((resolve) => waiting.push(resolve))
}

/** Links are followed without the key: behind one they would lead to refusals. */
function hideLinks(): void {
  byId('links').hidden = true
}

if (currentKey() !== null) hideLinks()

form.addEventListener('submit', (event) => {
  event.preventDefault()
  const key = input.value.trim()
  if (key === '') return
  sessionStorage.setItem(place, key)
  input.value = ''
  form.hidden = true
  hideLinks()
  const resolvers = waiting
  waiting = []
  for (const resolve of resolvers) resolve()
})
