// The command line: one file a command, joined here.
import { Command, CommanderError } from 'commander'
import { ConfigError, messageOf, UsageError } from '../errors.ts'
import { packageVersion } from './package-version.ts'

const footer = `
Examples:
  resnet-serving serve                                  on http://127.0.0.1:8080, models in ./models
  resnet-serving serve --port 9000 --models resnet50    every variable is a flag: serve --help
  resnet-serving classify photo.jpg                     without a server
  resnet-serving doctor                                 what is here, what is missing, what to do

Exit codes: 0 done; 1 it failed, and one line said why; 2 the command line or a variable was wrong.`

/** In the order of the help. Only what is asked for is loaded: all of them take half a second. */
const commands = new Map<string, () => Promise<Command>>([
  ['serve', async () => (await import('./serve.ts')).serveCommand()],
  ['classify', async () => (await import('./classify/classify.ts')).classifyCommand()],
  ['models', async () => (await import('./models/models.ts')).modelsCommand()],
  ['doctor', async () => (await import('./doctor/doctor.ts')).doctorCommand()],
  ['setup-cuda', async () => (await import('./setup/setup-cuda.ts')).setupCudaCommand()],
  [
    'setup-openvino',
    async () => (await import('./setup/setup-openvino.ts')).setupOpenvinoCommand(),
  ],
  [
    'setup-tensorflow',
    async () => (await import('./setup/setup-tensorflow.ts')).setupTensorflowCommand(),
  ],
  ['bench', async () => (await import('./bench.ts')).benchCommand()],
  ['tune', async () => (await import('./tune/tune.ts')).tuneCommand()],
  ['health', async () => (await import('./health.ts')).healthCommand()],
])

/** Runs `resnet-serving` with these arguments; sets `process.exitCode`. */
export async function main(argv: readonly string[]): Promise<void> {
  endWithReader(process.stdout, 'standard output')
  endWithReader(process.stderr, 'standard error')
  process.on('uncaughtException', (error) => process.exit(report(error)))
  const program = new Command('resnet-serving')
    .description('classifies images over HTTP with ResNet34, ResNet50 or any SavedModel')
    .version(packageVersion())
    .enablePositionalOptions() // `models build --version 2` is not the program's --version
    .addHelpText('after', footer)
  const asked = commands.get(argv[0] ?? '')
  for (const make of asked === undefined ? commands.values() : [asked]) {
    program.addCommand(await make())
  }
  for (const command of [program, ...program.commands, ...program.commands.flatMap(sub)]) {
    command.exitOverride() // commander's own refusals come here instead of ending the process
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    process.exitCode = report(error)
  }
}

/**
 * `resnet-serving … | head` closes the pipe when it has read enough: that is no failure. A disk that is
 * full is one: results are missing.
 */
function endWithReader(stream: NodeJS.WriteStream, name: string): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
    if (stream !== process.stderr) process.stderr.write(`${name}: ${messageOf(error)}\n`)
    process.exit(1)
  })
}

const sub = (command: Command) => command.commands

/** A person's mistake gets one line; anything else is a bug and keeps its stack. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2 // it has spoken already
  if (error instanceof UsageError || isForeign(error)) {
    process.stderr.write(`${messageOf(error)}\n`)
    return error instanceof ConfigError ? 2 : 1
  }
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
  return 1
}

/** A UsageError of another thread: it comes as a plain Error with the name and the message of one. */
function isForeign(error: unknown): boolean {
  return error instanceof Error && error.name === 'UsageError'
}
