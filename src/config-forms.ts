// The forms a variable of config.ts can have: how its text is read, and how the form is described.
import { isIP } from 'node:net'

export interface Form<Value> {
  /** Completes the sentence "expected …". */
  readonly description: string
  /** Whether blanks alone are something to refuse; else they are cut off, and what is left out is unset. */
  readonly seesBlanks?: true
  /** @throws Error that says what is wrong with `text` */
  parse(text: string): Value
}

export const text: Form<string> = { description: 'a text', parse: (value) => value }

/** A text without which nothing goes: blanks alone are a mistake, not a choice. */
export const nonEmpty: Form<string> = {
  description: 'a text that is not empty',
  parse(value) {
    if (value === '') throw new Error('empty')
    return value
  },
}

/** Comma-separated, spaces around items ignored, empty items dropped. */
export const list: Form<readonly string[]> = {
  description: 'a comma-separated list',
  parse: (value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
}

/** What clients may authorize with, or the SHA-256 of that. */
export const keys: Form<readonly string[]> = {
  ...list,
  seesBlanks: true,
  parse(value) {
    const items = list.parse(value)
    // Without a key everybody is let in: who wants that leaves the variable out.
    if (items.length === 0 && value !== '') throw new Error('it holds no key')
    const isDigest = (item: string) => /^sha256:[0-9a-f]{64}$/i.test(item)
    // Taken for a key, it would let in whoever has seen the configuration.
    if (items.some((item) => /^sha256:/i.test(item) && !isDigest(item))) {
      throw new Error('what follows sha256: is not 64 hexadecimal digits')
    }
    return items
  },
}

const namedNetworks = ['loopback', 'linklocal', 'uniquelocal']

/** Addresses and ranges of them. */
export const networks: Form<readonly string[]> = {
  description: 'a comma-separated list of IP addresses or ranges such as 10.0.0.0/8',
  parse(value) {
    const items = list.parse(value)
    const wrong = items.find((item) => !namedNetworks.includes(item) && !isNetwork(item))
    if (wrong !== undefined) throw new Error(`${wrong} is none`)
    return items
  },
}

function isNetwork(text: string): boolean {
  const [address = '', range, ...rest] = text.split('/')
  const bits = isIP(address) === 6 ? 128 : 32
  const isPrefix = /^[1-9]\d*$/.test(range ?? '') && Number(range) <= bits
  const isRange = range === undefined || isPrefix || isIP(range) === 4
  return isIP(address) !== 0 && rest.length === 0 && isRange
}

export const webAddress: Form<string> = {
  description: 'an http or https address',
  parse(value) {
    const isOne = /^https?:\/\//i.test(value) && URL.canParse(value)
    if (value !== '' && !isOne) throw new Error('not one')
    return value
  },
}

export function integer(min: number, max: number): Form<number> {
  return {
    description: `a whole number from ${min} to ${max}`,
    parse(value) {
      if (!/^-?\d+$/.test(value)) throw new Error('not a whole number')
      const number = Number(value)
      if (number < min) throw new Error('too small')
      if (number > max) throw new Error('too large')
      return number
    },
  }
}

export function oneOf<const Word extends string>(...words: readonly Word[]): Form<Word> {
  return {
    description: `one of ${words.join(', ')}`,
    parse(value) {
      const found = words.find((word) => word === value.toLowerCase())
      if (found === undefined) throw new Error('unknown')
      return found
    },
  }
}

export function listOf<const Word extends string>(
  ...words: readonly Word[]
): Form<readonly Word[]> {
  const word = oneOf(...words)
  return {
    description: `a comma-separated list of ${words.join(', ')}`,
    parse(value) {
      const items = list.parse(value)
      if (items.length === 0) throw new Error('empty')
      return items.map((item) => word.parse(item))
    },
  }
}

/** `auto` leaves the choice to the service. */
export function automatic<Value>(form: Form<Value>): Form<Value | 'auto'> {
  return {
    description: `auto or ${form.description}`,
    parse: (value) => (value.toLowerCase() === 'auto' ? 'auto' : form.parse(value)),
  }
}
