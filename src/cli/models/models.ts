// `models`: the commands around the model repository.
import { Command } from 'commander'
import { modelsBuildCommand } from './models-build.ts'
import { modelsConvertCommand } from './models-convert.ts'
import { modelsEnsureCommand } from './models-ensure.ts'
import { modelsInspectCommand } from './models-inspect.ts'
import { modelsListCommand } from './models-list.ts'
import { modelsPullCommand } from './models-pull.ts'
import { modelsQuantizeCommand } from './models-quantize.ts'
import { modelsVerifyCommand } from './models-verify.ts'

export function modelsCommand(): Command {
  return new Command('models')
    .description('build, download, quantize, list, inspect, verify and convert models')
    .addCommand(modelsPullCommand())
    .addCommand(modelsBuildCommand())
    .addCommand(modelsQuantizeCommand())
    .addCommand(modelsListCommand())
    .addCommand(modelsInspectCommand())
    .addCommand(modelsVerifyCommand())
    .addCommand(modelsConvertCommand())
    .addCommand(modelsEnsureCommand())
}
