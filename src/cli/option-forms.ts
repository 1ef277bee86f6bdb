// Forms of command-line options that commander does not bring.
import { InvalidArgumentError } from 'commander'

/** Reads a whole number; the mistake is commander's to tell. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (!/^\d+$/.test(text) || number < min || number > max) {
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`)
    }
    return number
  }
}

/** Reads `auto,1,8`. @param word what the list may hold beside whole numbers */
export function wordOrNumbers<Word extends string>(
  word: Word,
  min: number,
  max: number,
): (text: string) => readonly (number | Word)[] {
  return (text) =>
    text.split(',').map((part) => {
      const item = part.trim()
      if (item === word) return word
      try {
        return wholeNumber(min, max)(item)
      } catch {
        throw new InvalidArgumentError(
          `Expected ${word} or whole numbers from ${min} to ${max}, comma-separated.`,
        )
      }
    })
}

/** Reads `1,8,32`. */
export function wholeNumbers(min: number, max: number): (text: string) => readonly number[] {
  const read = wholeNumber(min, max)
  return (text) => text.split(',').map((part) => read(part.trim()))
}
