// How a command presents a key to a server.

/**
 * Headers travel as Latin-1, and a key may be in any script: what is sent is its UTF-8 bytes.
 * @returns no header where there is no key
 */
export function authorizationOf(apiKey: string | undefined): Readonly<Record<string, string>> {
  if (apiKey === undefined) return {}
  return { authorization: `Bearer ${Buffer.from(apiKey).toString('latin1')}` }
}
