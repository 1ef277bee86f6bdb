// How many bytes of long answers all requests together may hold. They lie in memory until they are read: a few
// hundred bytes of an image become 20 KB of scores, and every drop that is read is a reason to wait for the rest.
import { ServiceError } from '../errors.ts'
import { createUploadBudget } from './upload-budget.ts'

export interface AnswerBudget {
  open(): AnswerClaim
}

export interface AnswerClaim {
  /** Counts more of an answer. @throws ServiceError overloaded, when all long answers together hold too much */
  add(bytes: number): void
  release(): void
}

/** Answers of one image, and most others, are never refused. */
const shortBytes = 4 * 1024 * 1024

export function createAnswerBudget(maxBytes: number, uncountedBytes = shortBytes): AnswerBudget {
  const budget = createUploadBudget(maxBytes, answersFull)
  return {
    open() {
      const claim = budget.open()
      let [length, counted, isOver] = [0, 0, false]
      return {
        add(bytes) {
          length += bytes
          // What is made after its client has gone is dropped at once.
          if (isOver || length <= uncountedBytes) return
          claim.add(length - counted)
          counted = length
        },
        release() {
          isOver = true
          claim.release()
        },
      }
    },
  }
}

function answersFull(maxBytes: number): ServiceError {
  return new ServiceError(
    'overloaded',
    `answers that are not read yet hold all of the ${maxBytes} bytes they may; ask for fewer images or classes, or try again later`,
    { retryAfterS: 1 },
  )
}
