// Which answers are right when: a version number holds one content at a time, and while it changes
// the old one's answers are right until the first request that saw the new one was answered.
import { type Answer, isAnswerOf } from '../../test/support/checked-load.ts'
import type { KnownImage } from '../../test/support/known-images.ts'
import type { Contents } from './contents.ts'

/** What serves, as far as an answer tells. */
export interface Serving {
  readonly version: number
  /** Index into the contents. */
  readonly content: number
}

interface Epoch extends Serving {
  /** `performance.now()` before which no answer can be its. */
  readonly from: number
  /** When the next one's first answer came: what is asked after that must not be answered by this. */
  until: number
}

export interface Ledger {
  /** From now on answers may be this one's. */
  expect(serving: Serving): void
  /** Resolves when the first answer of what is expected last has come. @throws Error after `ms` */
  seen(ms: number): Promise<void>
  /** Whether an answer is right for its image and by the version that had to give it. */
  isRight(answer: Answer, image: KnownImage, sentAt: number): boolean
  /** What was wrong with the wrong ones. */
  readonly wrong: readonly string[]
}

export function createLedger({ images }: Pick<Contents, 'images'>, first: Serving): Ledger {
  const epochs: Epoch[] = [{ ...first, from: 0, until: Number.POSITIVE_INFINITY }]
  const wrong: string[] = []
  const at = new Map((images[0] ?? []).map((image, index) => [image, index]))
  let arrived: () => void = () => {}

  function contentOf(answer: Answer, image: KnownImage): number {
    const index = at.get(image) ?? -1
    return images.findIndex((known) => isAnswerOf(answer, known[index] as KnownImage))
  }

  function noteArrival(epoch: Epoch): void {
    if (epoch !== epochs.at(-1)) return
    const before = epochs.at(-2)
    if (before !== undefined) before.until = Math.min(before.until, performance.now())
    arrived()
  }

  return {
    wrong,
    expect(serving) {
      epochs.push({ ...serving, from: performance.now(), until: Number.POSITIVE_INFINITY })
    },
    seen(ms) {
      return new Promise((resolve, reject) => {
        const late = () => reject(new Error(`no answer of ${shown(epochs.at(-1))} after ${ms} ms`))
        const timer = setTimeout(late, ms)
        arrived = () => {
          clearTimeout(timer)
          arrived = () => {}
          resolve()
        }
      })
    },
    isRight(answer, image, sentAt) {
      const content = contentOf(answer, image)
      const version = Number(answer.version)
      const now = performance.now()
      const epoch = epochs.findLast(
        (one) =>
          one.content === content &&
          one.version === version &&
          one.from <= now &&
          sentAt <= one.until,
      )
      if (epoch !== undefined) {
        noteArrival(epoch)
        return true
      }
      const what = content < 0 ? 'an answer of no content' : 'out of its time'
      wrong.push(
        `${what}: ${shown({ version, content })}, now ${epochs.slice(-2).map(shown).join(' -> ')}`,
      )
      return false
    },
  }
}

function shown(serving: Serving | undefined): string {
  return `version ${serving?.version} with content ${serving?.content}`
}
