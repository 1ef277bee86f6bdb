// `serve`: the server, with a flag for every variable of config.ts.
import { Command, Option } from 'commander'
import { flagOf, readConfig, variables } from '../config.ts'
import { startSpares } from '../sessions/spares.ts'
import { assertPortIsFree } from './free-port.ts'
import { fillRepository } from './models/fill-repository.ts'
import { inOneLine } from './one-line.ts'
import { isNpmCommand, watchParent } from './orphan-watch.ts'
import { packageVersion } from './package-version.ts'
import { wantedSpares } from './wanted-spares.ts'

const help = `
Every option is also an environment variable: --max-batch-size is MAX_BATCH_SIZE.

Examples:
  resnet-serving serve
  resnet-serving serve --port 9000 --models resnet50 --log-level warn
  API_KEYS=secret HOST=0.0.0.0 resnet-serving serve

An empty repository is filled at the first start. SIGTERM ends it when queued work is answered,
SIGHUP looks for new models, or ends it where its standard input is a terminal.
Exit codes: 0 stopped as asked; 1 it could not start or stop in time; 2 an option was wrong.`

/** One flag a variable: MAX_BATCH_SIZE is --max-batch-size. */
export function serveCommand(): Command {
  const command = new Command('serve')
    .description('serve the models of a repository over HTTP')
    .addHelpText('after', help)
  command.addOption(
    // For what starts a service and must not leave it behind: start.cjs, bench, tune.
    new Option(
      '--end-with-parent',
      'stop when the process that started this one is gone',
    ).hideHelp(),
  )
  for (const variable of Object.values(variables)) {
    const byDefault = variable.default === '' ? 'none' : variable.default
    command.option(
      `${flagOf(variable.name)} <value>`,
      `${variable.meaning} (${variable.form.description}; default ${byDefault})`,
    )
  }
  return command.action(
    inOneLine(async ({ endWithParent = false }: { endWithParent?: boolean }) => {
      const endsAlong = endWithParent || isNpmCommand(process.env)
      const orphaned = endsAlong ? watchParent() : new AbortController().signal
      const leave = () => process.kill(process.pid, 'SIGTERM')
      orphaned.addEventListener('abort', leave)
      const config = readConfig(process.env, flagsOf(command))
      await assertPortIsFree(config)
      if (!(await fillRepository(config))) {
        process.exitCode = 1 // why stands on the screen already
        return
      }
      const spares = await startSpares(await wantedSpares(config))
      try {
        orphaned.removeEventListener('abort', leave)
        const { serve } = await import('../server.ts') // `health` and `--help` need none of it
        await serve(config, packageVersion(), { pool: { spares }, orphaned })
      } finally {
        spares.end()
      }
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
