// Forms of command-line options, in the words of the configuration's.
import { InvalidArgumentError } from 'commander'
import { type Form, integer, oneOf } from '../config-forms.ts'
import { messageOf } from '../errors.ts'

export function wholeNumber(min: number, max: number): (text: string) => number {
  return parser(integer(min, max))
}

export function oneOfNames<Name extends string>(names: readonly Name[]): (text: string) => Name {
  return parser(oneOf(...names))
}

function parser<Value>(form: Form<Value>): (text: string) => Value {
  return (text) => {
    try {
      return form.parse(text)
    } catch (error) {
      throw new InvalidArgumentError(`It is ${messageOf(error)}; expected ${form.description}.`)
    }
  }
}
