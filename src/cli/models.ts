// `models`: the commands around the model repository.
import { Command } from 'commander'
import { modelsBuildCommand } from './models-build.ts'
import { modelsEnsureCommand } from './models-ensure.ts'
import { modelsListCommand } from './models-list.ts'
import { modelsPullCommand } from './models-pull.ts'
import { modelsQuantizeCommand } from './models-quantize.ts'

export function modelsCommand(): Command {
  return new Command('models')
    .description('build, download, quantize and list models')
    .addCommand(modelsPullCommand())
    .addCommand(modelsBuildCommand())
    .addCommand(modelsQuantizeCommand())
    .addCommand(modelsListCommand())
    .addCommand(modelsEnsureCommand())
}
