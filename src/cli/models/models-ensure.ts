// `models ensure`: fills a repository that holds no model, as `serve` does before it starts.
import { Command } from 'commander'
import { readConfig } from '../../config.ts'
import { inOneLine } from '../one-line.ts'
import { ensureModels } from './ensure-models.ts'

export function modelsEnsureCommand(): Command {
  return new Command('ensure')
    .description('fill an empty repository: published weights, or random ones and a word about it')
    .option('--output <folder>', 'the model repository (default: MODEL_REPOSITORY)')
    .action(
      inOneLine(async ({ output }: { output?: string }) => {
        const config = readConfig(process.env)
        await ensureModels({
          repository: output ?? config.modelRepository,
          source: config.modelSource,
          say: (line) => process.stderr.write(`${line}\n`),
        })
      }),
    )
}
