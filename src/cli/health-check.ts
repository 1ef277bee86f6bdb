// What a container's HEALTHCHECK runs every few seconds: the command `health` without loading the
// others, which takes five times the CPU.
import { messageOf } from '../errors.ts'
import { healthCommand } from './health.ts'

try {
  await healthCommand().parseAsync(process.argv)
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exitCode = 1
}
