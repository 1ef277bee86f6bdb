// Frees the pixels of a large image now. They lie outside V8's heap, where a few hundred megabytes
// are no reason for it to hurry: without this the next large image finds the last one still there.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const rounds = 2

let collect: (() => void) | undefined

/** Takes a few milliseconds: the heap of a decoding thread is small. */
export async function collectGarbage(): Promise<void> {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  // First the frames that held the pixels have to be gone; a library's memory is given back to it a
  // turn after its owner was found dead, and what that owner held needs a second round.
  for (let round = 0; round < rounds; round += 1) {
    await nextTurn()
    collect()
  }
  await nextTurn()
}
