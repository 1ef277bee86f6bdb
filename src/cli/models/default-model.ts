// The model that a command asks where none is named: the one that the server would.
import { chooseDefault } from '../../classification/default-model.ts'
import type { Config } from '../../config.ts'
import { scanRepository } from '../../repository/scan.ts'

/** @throws ModelError where the repository cannot be read */
export async function defaultModelIn({
  modelRepository,
  models,
  defaultModel,
}: Pick<Config, 'modelRepository' | 'models' | 'defaultModel'>): Promise<string> {
  const { versions } = await scanRepository(modelRepository, models)
  return chooseDefault(
    defaultModel,
    versions.map(({ model }) => model),
  )
}
