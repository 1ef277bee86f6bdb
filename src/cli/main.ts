// The command line: one file a command, joined here.
import { Command } from 'commander'
import { messageOf, UsageError } from '../errors.ts'
import { modelsCommand } from './models.ts'
import { setupOpenvinoCommand } from './setup-openvino.ts'

/** Runs `resnet-serving` with these arguments; sets `process.exitCode`. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('resnet-serving')
    .addCommand(modelsCommand())
    .addCommand(setupOpenvinoCommand())
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    // A person's mistake gets one line; anything else is a bug and keeps its stack.
    process.stderr.write(
      `${error instanceof UsageError ? messageOf(error) : (error as Error).stack}\n`,
    )
    process.exitCode = 1
  }
}
