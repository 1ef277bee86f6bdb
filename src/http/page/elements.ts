// Small helpers around the DOM: finding what index.html holds and making what it does not.

/** The element of index.html with this id. */
export function byId<Found extends Element = HTMLElement>(id: string): Found {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`index.html has no #${id}`)
  return found as unknown as Found
}

interface Attributes {
  readonly class?: string
  readonly text?: string
  readonly [name: string]: string | undefined
}

/** A new element; text is set as text, never as markup: file names and labels are anybody's. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  { text, ...attributes }: Attributes = {},
  ...children: readonly Node[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag)
  if (text !== undefined) element.textContent = text
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(name, value)
  }
  element.append(...children)
  return element
}

export function button(text: string, act: () => void, label?: string): HTMLButtonElement {
  const made = make('button', { type: 'button', text })
  if (label !== undefined) made.setAttribute('aria-label', label)
  made.addEventListener('click', act)
  return made
}

/** Tells people who do not see the page; the region is polite, so that it interrupts nobody. */
export function announce(text: string): void {
  const region = byId('announcer')
  region.append(make('span', { text: `${text} ` }))
  while (region.childElementCount > keptAnnouncements) region.firstElementChild?.remove()
}

const keptAnnouncements = 20

/** Tells everybody, for a while, why what they did had no effect. */
export function hint(text: string): void {
  announce(text)
  const line = byId('hint')
  line.textContent = text
  line.hidden = false
  clearTimeout(hiding)
  hiding = setTimeout(() => {
    line.hidden = true
  }, hintMs)
}

/** Time to read one sentence twice. */
const hintMs = 8000
let hiding: ReturnType<typeof setTimeout> | undefined
