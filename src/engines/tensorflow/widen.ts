// uint8 pixels as the wider integers that some graphs take.

/**
 * @param words 32-bit words of an integer: 1 for int32, 2 for int64 (the low one first, as in memory)
 * @returns the same numbers, of length `pixels.length * words`
 */
export function widen(pixels: Uint8Array, words: 1 | 2): Int32Array {
  if (words === 1) return Int32Array.from(pixels)
  const wide = new Int32Array(pixels.length * words)
  for (let at = 0; at < pixels.length; at++) wide[at * words] = pixels[at] as number
  return wide
}
