// SavedModels that real TensorFlow wrote, with its answers (../shared/golden, not on every machine).
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Normalization } from '../../src/engines/engine.ts'

/** `../shared/golden` beside the repository; compiled, this file lies in dist/test/support/. */
const goldenFolder = fileURLToPath(new URL('../../../../shared/golden', import.meta.url))

/** The reason to skip, or false where the models are there. */
export const goldenMissing = existsSync(goldenFolder)
  ? false
  : 'needs the reference models in ../shared/golden'

export interface GoldenModel {
  readonly name: string
  /** The folder that holds saved_model.pb. */
  readonly folder: string
  readonly normalization: Normalization
  /** uint8 [4, size, size, 3] */
  readonly pixels: Uint8Array
  readonly size: number
  /** TensorFlow's answers by the signature's output names, float32 [4, 1000]. */
  readonly answers: ReadonlyMap<string, Float32Array>
}

const imageNet: Normalization = {
  rescale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
}
/** pixel / 127.5 - 1 */
const centred: Normalization = { rescale: 1 / 127.5, mean: [1, 1, 1], std: [1, 1, 1] }

/** All of them; none where the folder is missing. */
export function goldenModels(): GoldenModel[] {
  if (goldenMissing !== false) return []
  return readdirSync(goldenFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => readGolden(name))
}

function readGolden(name: string): GoldenModel {
  const folder = join(goldenFolder, name)
  const pixels = Uint8Array.from(readFileSync(join(folder, 'input.u8')))
  const answers = readdirSync(folder).flatMap((file): [string, Float32Array][] => {
    const output = /^reference\.(.+)\.f32$/.exec(file)?.[1]
    if (output === undefined) return []
    const bytes = Uint8Array.from(readFileSync(join(folder, file)))
    return [[output, new Float32Array(bytes.buffer)]]
  })
  return {
    name,
    folder: join(folder, '1'),
    normalization: name.startsWith('mobilenet') ? centred : imageNet,
    pixels,
    size: Math.sqrt(pixels.length / 4 / 3),
    answers: new Map(answers),
  }
}
