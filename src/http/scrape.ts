// /metrics for all who ask at about the same time: writing it takes milliseconds, and whoever may ask may ask
// hundreds of times at once.
import { setTimeout as sleep } from 'node:timers/promises'

/** Far less than any scraper's interval. */
const paceMs = 100

/**
 * What `render` makes, at most so often; who asks in between waits, and shares the next. Nobody gets what was
 * written before he asked.
 */
export function createScrape(render: () => Promise<string>): () => Promise<string> {
  let next: Promise<string> | undefined
  let lastAt = Number.NEGATIVE_INFINITY
  const renderNext = async () => {
    await sleep(Math.max(0, lastAt + paceMs - performance.now()))
    next = undefined
    lastAt = performance.now()
    return await render()
  }
  return async () => {
    next ??= renderNext()
    return await next
  }
}
