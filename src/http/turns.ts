// Long work on the thread that serves everybody, done in turns: whoever else waits is served between them.
import type { Cancellation } from '../cancellation.ts'

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

/** Of one piece of work: call it wherever others may come in between, which they do when it is time. */
export function createPauses(): () => Promise<void> {
  let since = performance.now()
  return async () => {
    if (performance.now() - since < turnMs) return
    await ownTurn()
    since = performance.now()
  }
}

/** All that an iterator makes, as far as one turn reaches, and then the next. @throws the signal's reason */
export async function inTurns<Piece>(
  pieces: Iterable<Piece>,
  signal: Cancellation,
): Promise<Piece[]> {
  const pause = createPauses()
  const made: Piece[] = []
  for (const piece of pieces) {
    made.push(piece)
    await pause()
    if (signal.aborted) throw signal.reason
  }
  return made
}
