// `models list`: what the repository holds.
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { readConfig } from '../../config.ts'
import type { ModelVersion } from '../../repository/repository.ts'
import { scanRepository } from '../../repository/scan.ts'
import { inOneLine } from '../one-line.ts'

/** One model, as `--json` prints it. */
interface Listed {
  readonly model: string
  readonly versions: readonly number[]
  readonly weights: ModelVersion['manifest']['weights']
  readonly sizeBytes: number
}

const bytesPerMb = 1e6

export function modelsListCommand(): Command {
  return new Command('list')
    .description('show the models of the repository')
    .option('--output <folder>', 'the model repository (default: MODEL_REPOSITORY)')
    .option('--json', 'as JSON', false)
    .action(
      inOneLine(async ({ output, json }: { output?: string; json: boolean }) => {
        const scan = await scanRepository(output ?? readConfig(process.env).modelRepository)
        const models = await listModels(scan.versions)
        const text = json ? JSON.stringify(models, null, 2) : formatTable(models)
        process.stdout.write(`${text}\n`)
        for (const { message } of scan.problems) process.stderr.write(`${message}\n`)
      }),
    )
}

async function listModels(versions: readonly ModelVersion[]): Promise<readonly Listed[]> {
  const models = new Map<string, ModelVersion[]>()
  for (const version of versions) {
    models.set(version.model, [...(models.get(version.model) ?? []), version])
  }
  return await Promise.all(
    [...models].map(async ([model, all]) => {
      const sizes = await Promise.all(all.map(({ folder }) => sizeOf(folder)))
      const kind: Listed['weights'] = all[0]?.manifest.weights ?? { kind: 'custom' }
      return {
        model,
        versions: all.map(({ version }) => version),
        weights: kind,
        sizeBytes: sizes.reduce((sum, size) => sum + size, 0),
      }
    }),
  )
}

async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true })
  const sizes = await Promise.all(
    names.map(async (name) => {
      const found = await stat(join(folder, name))
      return found.isFile() ? found.size : 0
    }),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

function formatTable(models: readonly Listed[]): string {
  const rows = [
    ['MODEL', 'VERSIONS', 'WEIGHTS', 'SIZE'],
    ...models.map(({ model, versions, weights, sizeBytes }) => [
      model,
      versions.join(', '),
      weights.source === undefined ? weights.kind : `${weights.kind} (${weights.source})`,
      `${(sizeBytes / bytesPerMb).toFixed(1)} MB`,
    ]),
  ]
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
