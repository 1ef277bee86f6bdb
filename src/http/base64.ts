// Images as base64 in a client's JSON: checked and decoded in time that grows with their length only.

/**
 * The bytes, in memory of their own; `null` where the text is no base64. Line breaks are allowed (MIME
 * tools wrap at 76), and so is the URL alphabet.
 */
export function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> | null {
  // One class of characters, looked for once: a pattern that can go back takes hours on megabytes of
  // spaces, and nobody else is served meanwhile.
  if (/[^A-Za-z0-9+/_\-=\s]/.test(text)) return null
  const goesOnAfterPadding = /=\s*[^=\s]/.test(text.slice(text.indexOf('=')))
  const bytes = Buffer.from(text, 'base64')
  // Copied: small Buffers share a pool.
  return bytes.length === 0 || goesOnAfterPadding ? null : new Uint8Array(bytes)
}
