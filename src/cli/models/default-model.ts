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
  const { versions, problems } = await scanRepository(modelRepository, models)
  // Where nothing can be served, what is wrong with the only model says more than that another is absent.
  const found = versions.length > 0 ? versions : problems
  return chooseDefault(
    defaultModel,
    found.map(({ model }) => model),
  )
}
