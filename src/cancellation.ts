// Ends work early. What a request's parts listen to is the part of AbortSignal that they use, so
// that either serves: an AbortController with its EventTarget costs each request twenty times as much.

export interface Cancellation {
  readonly aborted: boolean
  /** The error to throw, once it is aborted. */
  readonly reason: unknown
  /** Listeners are called once, in the order they came, and then forgotten. */
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

export class CancellationSource implements Cancellation {
  aborted = false
  reason: unknown = undefined
  readonly #listeners: (() => void)[] = []

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.push(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    const at = this.#listeners.indexOf(listener)
    if (at >= 0) this.#listeners.splice(at, 1)
  }

  /** The first reason stays. */
  abort(reason: unknown): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    let next = this.#listeners.shift()
    while (next !== undefined) {
      next()
      next = this.#listeners.shift()
    }
  }
}

/** Aborted with `parent`, and before it where its own work ends earlier. */
export function cancelledWith(parent: Cancellation): CancellationSource {
  const source = new CancellationSource()
  if (parent.aborted) source.abort(parent.reason)
  else parent.addEventListener('abort', () => source.abort(parent.reason))
  return source
}
