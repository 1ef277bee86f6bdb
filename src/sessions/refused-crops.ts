// Remembers crops that ended sessions, so that sending such an image again costs nobody a session.
import { createHash } from 'node:crypto'
import { ServiceError } from '../errors.ts'
import type { CropOutcome } from './outcomes.ts'

/** More would be an attack that the rate limit has to answer; the oldest are forgotten first. */
const maxRemembered = 4096
/** A crop may be innocent (a driver that crashed at the wrong moment): it gets another chance. */
const rememberMs = 600_000

export class RefusedCrops {
  /** SHA-256 of a crop -> its outcome, and when it was refused by `performance.now()`. */
  readonly #known = new Map<string, { readonly outcome: CropOutcome; readonly at: number }>()

  /** Runs the crops that were not refused before, and remembers those that are refused now. */
  async sift(
    crops: readonly Uint8Array[],
    run: (wanted: readonly Uint8Array[]) => Promise<readonly CropOutcome[]>,
  ): Promise<readonly CropOutcome[]> {
    const known = crops.map((crop) => this.#find(crop))
    const wanted = crops.filter((_, index) => known[index] === undefined)
    const ran = await run(wanted)
    ran.forEach((outcome, index) => {
      if (isRefusal(outcome)) this.#add(wanted[index] as Uint8Array, outcome)
    })
    let next = 0
    return known.map((outcome) => outcome ?? (ran[next++] as CropOutcome))
  }

  #add(crop: Uint8Array, outcome: CropOutcome): void {
    this.#known.set(keyOf(crop), { outcome, at: performance.now() })
    const [oldest] = this.#known.keys()
    if (this.#known.size > maxRemembered && oldest !== undefined) this.#known.delete(oldest)
  }

  /** The outcome of a crop that was refused lately. Nothing is hashed while none was. */
  #find(crop: Uint8Array): CropOutcome | undefined {
    if (this.#known.size === 0) return undefined
    const key = keyOf(crop)
    const found = this.#known.get(key)
    if (found === undefined || performance.now() - found.at < rememberMs) return found?.outcome
    this.#known.delete(key)
    return undefined
  }
}

function isRefusal(outcome: CropOutcome): boolean {
  const error = outcome.ok ? undefined : outcome.error
  return error instanceof ServiceError && error.code === 'image_refused'
}

function keyOf(crop: Uint8Array): string {
  return createHash('sha256').update(crop).digest('base64')
}
