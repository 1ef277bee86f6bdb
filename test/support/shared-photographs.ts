// The 32 real photographs of ../shared/images and what TensorFlow answers for them with the golden
// networks (not on every machine).
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const shared = fileURLToPath(new URL('../../../../shared', import.meta.url))

/** `false`, or why tests that need the photographs are skipped. */
export const withoutPhotographs = existsSync(join(shared, 'images'))
  ? false
  : 'needs the photographs of ../shared/images'

export interface ReferenceAnswer {
  readonly file: string
  /** The class of what the photograph shows. */
  readonly class_index: number
  readonly top5: readonly { readonly index: number; readonly probability: number }[]
}

export function sharedPhotograph(file: string): Buffer {
  return readFileSync(join(shared, 'images', file))
}

export function sharedPhotographNames(): readonly string[] {
  return readdirSync(join(shared, 'images')).filter((name) => name.endsWith('.JPEG'))
}

/** TensorFlow's answers of a golden network, one a photograph. */
export function referenceAnswers(network: string): readonly ReferenceAnswer[] {
  return JSON.parse(readFileSync(join(shared, 'golden', network, 'reference.json'), 'utf8')).images
}

/** Serves a golden network from `repository` without copying it. */
export async function linkGolden(repository: string, network: string): Promise<void> {
  const folder = join(repository, network)
  await mkdir(folder, { recursive: true })
  await symlink(join(shared, 'golden', network, '1'), join(folder, '1'))
  const preprocess = { resizeShortSide: 256, cropSize: 224, interpolation: 'bilinear' }
  await writeFile(join(folder, 'model.json'), JSON.stringify({ preprocess }))
}
