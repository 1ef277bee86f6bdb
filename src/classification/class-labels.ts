// The names of a model's classes: the built-in ImageNet table, a file of its own, or numbers.
import { ModelError } from '../errors.ts'
import type { ModelVersion } from '../repository/repository.ts'
import { imagenetLabels } from './labels.ts'
import type { LabelRow } from './types.ts'

/**
 * One row a class, in the order of the model's outputs.
 * @throws ModelError corrupt, when the model's own label file has another number of lines
 */
export function labelsOf(version: ModelVersion, classes: number): readonly LabelRow[] {
  if (version.labels !== null) return ownLabels(version, version.labels, classes)
  const table = imagenetLabels()
  if (classes === table.length) return table
  // TensorFlow's older ImageNet networks put a class for "none of them" before the thousand.
  if (classes === table.length + 1) {
    const shifted = table.map((row) => ({ ...row, index: row.index + 1 }))
    return [{ index: 0, label: 'background' }, ...shifted]
  }
  return Array.from({ length: classes }, (_, index) => ({ index, label: `class ${index}` }))
}

function ownLabels(
  { model, manifest }: ModelVersion,
  labels: readonly string[],
  classes: number,
): readonly LabelRow[] {
  if (labels.length !== classes) {
    throw new ModelError(
      'corrupt',
      `${model}/${manifest.labels} has ${labels.length} lines, the model has ${classes} classes`,
    )
  }
  return labels.map((label, index) => ({ index, label }))
}
