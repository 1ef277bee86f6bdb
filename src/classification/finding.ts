// What was found about one image by one version of a model: everything an answer is made from,
// whatever its top_k, threshold or roll-up. Kept and shared between requests, so nothing changes it.
import type { Distribution } from './probabilities.ts'
import type { Explanation, StageTiming } from './types.ts'

export interface Finding {
  readonly distribution: Distribution
  /** SHA-256 of the encoded image, base64url. */
  readonly imageDigest: string
  readonly timing: StageTiming
  readonly batchSize: number
  readonly explanation?: Explanation
}
