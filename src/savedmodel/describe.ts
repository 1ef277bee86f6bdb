// What a SavedModel holds, for people: its signature, operators and parameters.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Graph } from '../graph/graph.ts'
import { elementCount } from '../graph/tensor.ts'
import { modelFileName } from './saved-model-file.ts'
import { checkCheckpoint } from './tensor-bundle.ts'

export interface OperatorCount {
  readonly op: string
  readonly count: number
}

/** The kinds of operators of a graph and how many there are, the most frequent first. */
export function countOperators(graph: Graph): readonly OperatorCount[] {
  const counts = new Map<string, number>()
  for (const { op } of graph.nodes) counts.set(op, (counts.get(op) ?? 0) + 1)
  return [...counts]
    .map(([op, count]) => ({ op, count }))
    .sort((a, b) => b.count - a.count || (a.op < b.op ? -1 : 1))
}

/** Numbers that were learnt: the elements of all floating-point constants of more than one element. */
export function countParameters(graph: Graph): number {
  return graph.nodes.reduce((sum, { op, attributes }) => {
    const value = op === 'Const' ? attributes.value : undefined
    if (value?.kind !== 'tensor' || !value.value.dtype.includes('float')) return sum
    const count = elementCount(value.value.shape)
    return count > 1 ? sum + count : sum
  }, 0)
}

/**
 * Reads and checks every byte of a model's checkpoint.
 * @returns null where the weights are constants in saved_model.pb
 * @throws ModelError as checkCheckpoint
 */
export async function checkWeights(folder: string) {
  const index = join(folder, 'variables', 'variables.index')
  const exists = await stat(index).then(
    () => true,
    () => false,
  )
  return exists ? await checkCheckpoint(folder) : null
}

/** Bytes of saved_model.pb. */
export async function graphFileBytes(folder: string): Promise<number> {
  return (await stat(join(folder, modelFileName))).size
}
