// How many session processes a start of `serve` can use before it knows more than its configuration.
import { type Config, cores } from '../config.ts'
import { nvidiaGpus } from '../engines/nvidia-gpus.ts'
import { holdingsOf } from './models/holds-models.ts'

type Start = Pick<Config, 'devices' | 'models' | 'modelRepository'>

/** One for each model, and no more than load at once; none where the models are not for the CPU. */
export async function wantedSpares({ devices, models, modelRepository }: Start): Promise<number> {
  const isAutomatic = devices.length === 0 || devices.includes('auto')
  const isForCpu = devices.includes('cpu') || (isAutomatic && nvidiaGpus().length === 0)
  if (!isForCpu) return 0
  const named = models.length > 0 ? models : await modelsIn(modelRepository)
  return Math.min(cores(), named.length)
}

async function modelsIn(repository: string): Promise<readonly string[]> {
  return await holdingsOf(repository).then(
    ({ models }) => models,
    () => [], // the start itself says what is wrong with it
  )
}
