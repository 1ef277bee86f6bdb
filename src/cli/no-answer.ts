// What a command says where the server that --url names gave no answer.
import { messageOf, UsageError } from '../errors.ts'

/** Node's codes of certificates that lead to no authority it knows. */
const unknownAuthority =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT(_LOCALLY)?))$/

/** @param error what fetch threw */
export function noAnswerFrom(base: string, error: unknown): UsageError {
  const { cause } = error as Error
  const code = String((cause as { readonly code?: unknown } | undefined)?.code)
  const hint = unknownAuthority.test(code)
    ? 'NODE_EXTRA_CA_CERTS=FILE trusts the authority in FILE'
    : 'is the server running there?'
  return new UsageError(`no answer from ${base}: ${messageOf(cause ?? error)}; ${hint}`)
}
