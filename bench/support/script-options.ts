// The options of a script of this repository: `--help` lists them, and one that it does not know is told in words.
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { messageOf } from '../../src/errors.ts'

type Options = NonNullable<ParseArgsConfig['options']>
type Values<Given extends Options> = ReturnType<typeof parseArgs<{ options: Given }>>['values']

const mistake = 2

/** What the command line says; ends the process where it asks for help, or for what there is not. */
export function scriptOptions<const Given extends Options>(options: Given): Values<Given> {
  try {
    // It would be asked for before anything else is read.
    if (process.argv.includes('--help')) {
      process.stdout.write(`options, and what they are without one:\n${listOf(options)}`)
      process.exit()
    }
    return parseArgs<{ options: Given }>({ options }).values
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\noptions:\n${listOf(options)}`)
    process.exit(mistake)
  }
}

function listOf(options: Options): string {
  const lines = Object.entries(options).map(([name, option]) => {
    const { type, default: value } = option
    if (type === 'boolean') return `  --${name}\n`
    return value === undefined ? `  --${name} <value>\n` : `  --${name} ${JSON.stringify(value)}\n`
  })
  return lines.join('')
}
