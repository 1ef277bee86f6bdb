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

/** Reads `1,8,32`. */
export function wholeNumbers(min: number, max: number): (text: string) => readonly number[] {
  const read = wholeNumber(min, max)
  return (text) => text.split(',').map((part) => read(part.trim()))
}
