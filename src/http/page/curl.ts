// The same question for a terminal.
import { currentKey } from './api-key.ts'
import { addressFor } from './classify.ts'

export interface CurlOptions {
  readonly name: string
  readonly models: readonly string[]
  readonly explain: boolean
}

export function curlCommand({ name, ...question }: CurlOptions): string {
  const key = currentKey() === null ? '' : `-H "Authorization: Bearer $API_KEY" `
  const address = new URL(addressFor(question), location.href)
  return `curl ${key}--data-binary ${quoted(`@${name}`)} ${quoted(address.href)}`
}

/** For a POSIX shell: within single quotes nothing but the single quote means anything. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** @returns false where the browser keeps the clipboard from pages on plain HTTP */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}
