// The model that answers requests which name none.

/** What DEFAULT_MODEL is where it is not set, if the repository holds it. */
export const usualModel = 'resnet50'

/**
 * @param configured DEFAULT_MODEL; empty where it is not set
 * @param names of the models that are there
 */
export function chooseDefault(configured: string, names: Iterable<string>): string {
  if (configured !== '') return configured
  const [only = usualModel, ...others] = new Set(names)
  return others.length === 0 ? only : usualModel
}
