// The command line: one file a command, joined here.
import { Command, CommanderError } from 'commander'
import { messageOf, UsageError } from '../errors.ts'
import { healthCommand } from './health.ts'
import { modelsCommand } from './models.ts'
import { packageVersion } from './package-version.ts'
import { serveCommand } from './serve.ts'
import { setupOpenvinoCommand } from './setup-openvino.ts'
import { setupTensorflowCommand } from './setup-tensorflow.ts'

const exitCodes = `
Exit codes: 0 done; 1 it failed, and one line said why; 2 the command line or a variable was wrong.`

/** Runs `resnet-serving` with these arguments; sets `process.exitCode`. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('resnet-serving')
    .description('classifies images over HTTP with ResNet34, ResNet50 or any SavedModel')
    .version(packageVersion())
    .enablePositionalOptions() // `models build --version 2` is not the program's --version
    .addHelpText('after', exitCodes)
    .addCommand(serveCommand())
    .addCommand(modelsCommand())
    .addCommand(setupOpenvinoCommand())
    .addCommand(setupTensorflowCommand())
    .addCommand(healthCommand())
  for (const command of [program, ...program.commands, ...program.commands.flatMap(sub)]) {
    command.exitOverride() // commander's own refusals come here instead of ending the process
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    process.exitCode = report(error)
  }
}

const sub = (command: Command) => command.commands

/** A person's mistake gets one line; anything else is a bug and keeps its stack. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2 // it has spoken already
  if (error instanceof UsageError) {
    process.stderr.write(`${messageOf(error)}\n`)
    return 1
  }
  process.stderr.write(`${(error as Error).stack}\n`)
  return 1
}
