// The options of a script of this repository: `--help` lists them, and one that it does not know is told in words.
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { messageOf } from '../../src/errors.ts'

type Options = NonNullable<ParseArgsConfig['options']>
interface Config<Given extends Options> {
  readonly options: Given
  readonly allowPositionals: boolean
}
type Parsed<Given extends Options> = ReturnType<typeof parseArgs<Config<Given>>>

const mistake = 2

/** What the command line says; ends the process where it asks for help, or for what there is not. */
export function scriptOptions<const Given extends Options>(
  options: Given,
): Parsed<Given>['values'] {
  return scriptArguments({ options, allowPositionals: false }).values
}

/** The same where words without a dash may be given too. */
export function scriptArguments<const Given extends Options>(config: Config<Given>): Parsed<Given> {
  const list = listOf(config.options)
  try {
    // It would be asked for before anything else is read.
    if (process.argv.includes('--help')) {
      process.stdout.write(`options, and what they are without one:\n${list}`)
      process.exit()
    }
    return parseArgs<Config<Given>>(config)
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\noptions:\n${list}`)
    process.exit(mistake)
  }
}

function listOf(options: Options): string {
  const lines = Object.entries(options).map(([name, { type, default: value }]) => {
    if (type === 'boolean') return `  --${name}\n`
    return value === undefined ? `  --${name} <value>\n` : `  --${name} ${JSON.stringify(value)}\n`
  })
  return lines.join('')
}
