// Equal work in flight is done once: who asks for what somebody else is waiting for already waits
// with him. The work goes on as long as anybody waits, and its time is that of the most patient.
import { type Cancellation, CancellationSource } from '../cancellation.ts'

/** The conditions of a piece of work; both change while it goes on. */
export interface Terms {
  /** `performance.now()` after which nobody wants it any more. */
  readonly deadline: number
  /** Aborted when the last who waited has gone. */
  readonly signal: Cancellation
}

export interface SharedWork<Value> {
  /**
   * Joins the work under `key`, or starts it, at once.
   * @returns its result, or a rejection with the reason of one's own signal
   */
  join(key: string, own: Terms, start: (terms: Terms) => Promise<Value>): Joined<Value>
}

export interface Joined<Value> {
  /** Whether it was going on already. */
  readonly isShared: boolean
  readonly result: Promise<Value>
}

class Work<Value> implements Terms {
  deadline = 0
  readonly #signal = new CancellationSource()
  #waiting = 0
  result!: Promise<Value>

  get signal(): Cancellation {
    return this.#signal
  }

  wait(own: Terms): Promise<Value> {
    this.deadline = Math.max(this.deadline, own.deadline)
    this.#waiting += 1
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting -= 1
        if (this.#waiting === 0) this.#signal.abort(own.signal.reason)
        reject(own.signal.reason)
      }
      if (own.signal.aborted) leave()
      else own.signal.addEventListener('abort', leave)
      const done = () => own.signal.removeEventListener('abort', leave)
      this.result.then(done, done)
      this.result.then(resolve, reject)
    })
  }
}

export function createSharedWork<Value>(): SharedWork<Value> {
  const works = new Map<string, Work<Value>>()

  function begin(key: string, own: Terms, start: (terms: Terms) => Promise<Value>): Work<Value> {
    const work = new Work<Value>()
    work.deadline = own.deadline
    works.set(key, work)
    const forget = () => {
      if (works.get(key) === work) works.delete(key)
    }
    work.signal.addEventListener('abort', forget) // nobody joins what is given up
    work.result = start(work)
    work.result.then(forget, forget)
    return work
  }

  return {
    join(key, own, start) {
      const found = works.get(key)
      const work = found ?? begin(key, own, start)
      return { isShared: found !== undefined, result: work.wait(own) }
    },
  }
}
