// `models pull`: downloads the published weights and builds the models.
import { mkdir } from 'node:fs/promises'
import { Argument, Command } from 'commander'
import { readConfig } from '../../config.ts'
import { ConfigError } from '../../errors.ts'
import { type NetworkName, networkNames } from '../../resnet/network.ts'
import { inOneLine } from '../one-line.ts'
import { createProgress } from '../progress.ts'
import { lockFilling } from './fill-lock.ts'
import { pullModel } from './pull-model.ts'
import { withRoom } from './with-room.ts'

export function modelsPullCommand(): Command {
  return new Command('pull')
    .description('download published weights, check and build them')
    .addArgument(new Argument('[networks...]', 'default: both').choices(networkNames))
    .option('--output <folder>', 'the model repository (default: MODEL_REPOSITORY)')
    .option('--source <url>', 'a mirror to download from (default: MODEL_SOURCE)', checkUrl)
    .option('--replace', 'remove custom weights that the repository holds under the name', false)
    .action(
      inOneLine(
        async (
          networks: readonly NetworkName[],
          options: { output?: string; source?: string; replace: boolean },
        ) => {
          const config = readConfig(process.env)
          const repository = options.output ?? config.modelRepository
          const source = options.source ?? checkUrl(config.modelSource)
          const unlock = await lockRepository(repository)
          try {
            for (const network of new Set(networks.length > 0 ? networks : networkNames)) {
              const progress = createProgress(network)
              const { replace } = options
              const pull = { network, repository, source, replace, progress }
              const line = await withRoom(repository, () => pullModel(pull))
              process.stdout.write(`${line}\n`)
            }
          } finally {
            await unlock()
          }
        },
      ),
    )
}

/** Two that download one file would write into each other's. */
async function lockRepository(repository: string): Promise<() => Promise<void>> {
  await mkdir(repository, { recursive: true })
  return await lockFilling(repository, () => {
    process.stderr.write(`models are being put into ${repository} already: waiting for that\n`)
  })
}

function checkUrl(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
    throw new ConfigError(`source is ${JSON.stringify(text)}; expected an http or https address`)
  }
  return text
}
