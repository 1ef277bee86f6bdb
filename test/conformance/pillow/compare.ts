// Our crops against Pillow's, file by file.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CropRecipe, Imaging } from '../../../src/imaging/imaging.ts'

/** What pillow.py writes to cases.json. */
export interface Generated {
  readonly versions: Readonly<Record<string, string>>
  readonly cases: readonly Case[]
}

interface Case {
  /** What the cases of a group have in common, e.g. their format. */
  readonly group: string
  readonly what: string
  /** Upright, in pixels. */
  readonly width: number
  readonly height: number
  /** What Pillow calls the pixels of the file. */
  readonly mode: string
  readonly recipes: readonly CropRecipe[]
}

/** How far one crop lies from Pillow's, of 255. */
export interface Difference {
  readonly mean: number
  readonly largest: number
}

export interface Compared extends Case {
  /** One a recipe. */
  readonly differences: readonly Difference[]
  /** Why the file was refused. */
  readonly refusal?: string
}

export function readGenerated(folder: string): Generated {
  return JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'))
}

export async function compareAll(
  imaging: Imaging,
  folder: string,
  cases: readonly Case[],
): Promise<Compared[]> {
  const compared: Compared[] = []
  for (const [number, each] of cases.entries()) {
    const bytes = new Uint8Array(readFileSync(join(folder, `${number}`)))
    try {
      const { crops } = await imaging.decode(bytes, each.recipes)
      const differences = crops.map((crop, index) =>
        difference(crop, readFileSync(join(folder, `${number}.${index}`))),
      )
      compared.push({ ...each, differences })
    } catch (error) {
      compared.push({ ...each, differences: [], refusal: String(error) })
    }
  }
  return compared
}

export function difference(actual: Uint8Array, expected: Uint8Array): Difference {
  if (actual.length !== expected.length)
    throw new Error(`The crop has ${actual.length} bytes, Pillow's ${expected.length}.`)
  let sum = 0
  let largest = 0
  for (let i = 0; i < actual.length; i++) {
    const distance = Math.abs((actual[i] as number) - (expected[i] as number))
    sum += distance
    largest = Math.max(largest, distance)
  }
  return { mean: sum / actual.length, largest }
}
