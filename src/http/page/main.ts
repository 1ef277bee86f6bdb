// The page at `/`: images come in, become cards, and each card shows what came of its image.
import { type Card, createCard } from './card.ts'
import { byId, hint } from './elements.ts'
import { openIntake, type Picture } from './intake.ts'
import { watchService } from './live.ts'
import { chosenModels } from './models-choice.ts'
import { offersExplanations, ServiceProblem } from './service.ts'

const cards = new Set<Card>()
const list = byId('cards')
const explain = byId<HTMLInputElement>('explain')

const choices = () => ({ models: chosenModels(), explain: explain.checked })

function add(pictures: readonly Picture[]): void {
  if (pictures.length === 0) {
    hint('There was no picture in that.')
    return
  }
  const added = pictures.map((picture) =>
    createCard({ ...picture, choices, onChange: showCount, onRemove: remove }),
  )
  for (const card of added) cards.add(card)
  list.prepend(...added.map(({ element }) => element)) // the newest first, in their own order
  for (const card of added) card.classify()
  showCount()
  added[0]?.element.scrollIntoView({ block: 'nearest' })
}

/** The keyboard goes on where it was: at the next card, else at the beginning. */
function remove(card: Card): void {
  const neighbour = card.element.nextElementSibling ?? card.element.previousElementSibling
  const hadFocus = card.element.contains(document.activeElement)
  cards.delete(card)
  card.element.remove()
  showCount()
  if (!hadFocus) return
  const next = neighbour?.querySelector<HTMLElement>('.actions button') ?? byId('pick')
  next.focus()
}

function showCount(): void {
  const all = [...cards]
  const done = all.filter(({ state }) => state === 'done').length
  const failed = all.filter(({ state }) => state === 'failed').length
  byId('results-bar').hidden = all.length === 0
  byId('again-failed').hidden = failed === 0 || done === 0
  document.body.classList.toggle('has-results', all.length > 0)
  const parts = [`${done} of ${all.length} classified`, ...(failed > 0 ? [`${failed} failed`] : [])]
  byId('results-count').textContent = parts.join(', ')
}

byId('again').addEventListener('click', () => {
  for (const card of cards) card.classify()
})
byId('again-failed').addEventListener('click', () => {
  byId('again').focus() // this button goes away
  for (const card of cards) if (card.state === 'failed') card.classify()
})
byId('clear').addEventListener('click', () => {
  for (const card of [...cards]) card.remove()
  byId('pick').focus()
})

openIntake(add)
watchService()
offersExplanations().then(
  (offers) => {
    byId('explain-choice').hidden = !offers
  },
  (error: unknown) => {
    if (!(error instanceof ServiceProblem)) throw error // without a key it is not known yet
  },
)
