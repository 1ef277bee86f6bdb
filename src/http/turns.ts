// Long work on the thread that serves everybody, done in turns: whoever else waits is served between them.
import type { Cancellation } from '../cancellation.ts'
import type { AnswerClaim } from './answer-budget.ts'

/**
 * Long beside what a turn of the event loop costs. It is not only what one answer waits for: libuv accepts
 * one connection a turn, so that of a dozen that come together the last waits for a dozen.
 */
const turnMs = 2

let last = Promise.resolve()

/** Waits for a turn of the event loop of one's own: those who wait together get theirs one after another. */
function ownTurn(): Promise<void> {
  last = last.then(() => new Promise((resolve) => setImmediate(resolve)))
  return last
}

export interface AnswerTurns {
  readonly signal: Cancellation
  readonly answer: Pick<AnswerClaim, 'add'>
}

/** Of one piece of work: call it wherever others may come in between, which they do when it is time. */
export function createPauses(): () => Promise<void> {
  let since = performance.now()
  return async () => {
    if (performance.now() - since < turnMs) return
    await ownTurn()
    since = performance.now()
  }
}

/**
 * All pieces of an answer, as far as one turn reaches, and then the next.
 * @throws the signal's reason; ServiceError overloaded
 */
export async function inTurns(
  pieces: Iterable<Uint8Array>,
  { signal, answer }: AnswerTurns,
): Promise<Uint8Array[]> {
  const pause = createPauses()
  const made: Uint8Array[] = []
  for (const piece of pieces) {
    answer.add(piece.length)
    made.push(piece)
    await pause()
    if (signal.aborted) throw signal.reason
  }
  return made
}
