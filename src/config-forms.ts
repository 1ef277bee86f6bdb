// The forms a variable of config.ts can have: how its text is read, and how the form is described.

export interface Form<Value> {
  /** Completes the sentence "expected …". */
  readonly description: string
  /** @throws Error that says what is wrong with `text` */
  parse(text: string): Value
}

export const text: Form<string> = { description: 'a text', parse: (value) => value }

/** Comma-separated, spaces around items ignored, empty items dropped. */
export const list: Form<readonly string[]> = {
  description: 'a comma-separated list',
  parse: (value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
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
