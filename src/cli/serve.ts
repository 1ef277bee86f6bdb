// `serve`: the server, with a flag for every variable of config.ts.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { type Config, flagOf, readConfig, variables } from '../config.ts'
import { inOneLine } from './one-line.ts'
import { packageVersion } from './package-version.ts'

/** One flag a variable: MAX_BATCH_SIZE is --max-batch-size. */
export function serveCommand(): Command {
  const command = new Command('serve')
    .description('serve the models of a repository over HTTP')
    .addHelpText(
      'after',
      '\nEvery option is also an environment variable: --max-batch-size is MAX_BATCH_SIZE.',
    )
  for (const variable of Object.values(variables)) {
    const byDefault = variable.default === '' ? 'none' : variable.default
    command.option(
      `${flagOf(variable.name)} <value>`,
      `${variable.meaning} (${variable.form.description}; default ${byDefault})`,
    )
  }
  return command.action(
    inOneLine(async () => {
      const config = readConfig(process.env, flagsOf(command))
      if (!(await fillRepository(config))) {
        process.exitCode = 1 // why stands on the screen already
        return
      }
      const { serve } = await import('../server.ts') // `health` and `--help` need none of it
      await serve(config, packageVersion())
    }),
  )
}

/** Commander's camelCase options as the variables' names. */
function flagsOf(command: Command): Record<string, string> {
  const given = Object.entries(command.opts<Record<string, string>>())
  return Object.fromEntries(
    given.map(([name, value]) => [name.replace(/[A-Z]/g, '_$&').toUpperCase(), value]),
  )
}

/**
 * In a process of its own: building models takes memory that the server should never have held.
 * @returns whether it did not fail
 */
async function fillRepository({ modelRepository, modelSource }: Config): Promise<boolean> {
  const program = fileURLToPath(new URL('./bin.cjs', import.meta.url))
  const builder = spawn(
    process.execPath,
    [program, 'models', 'ensure', '--output', modelRepository],
    { stdio: 'inherit', env: { ...process.env, MODEL_SOURCE: modelSource } },
  )
  const [exitCode] = await once(builder, 'exit')
  return exitCode === 0
}
