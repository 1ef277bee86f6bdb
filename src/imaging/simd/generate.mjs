// Compiles resample.ts of this folder and writes ../generated/resample-wasm.ts: `npm run generate:simd`.
// With --check it writes nothing and fails where the two differ. AssemblyScript is 100 MB for half a
// kilobyte of code, so it is fetched when this runs and is no dependency of the project.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const compiler = 'assemblyscript@0.28.20'
const source = fileURLToPath(new URL('resample.ts', import.meta.url))
const target = fileURLToPath(new URL('../generated/resample-wasm.ts', import.meta.url))

const scratch = mkdtempSync(join(tmpdir(), 'simd-'))
const binary = join(scratch, 'resample.wasm')
execFileSync(
  'npx',
  [
    '--yes',
    `--package=${compiler}`,
    'asc',
    source,
    '-O3',
    '--noAssert',
    '--runtime',
    'stub',
  ].concat(['--enable', 'simd', '--importMemory', '--noExportMemory', '--outFile', binary]),
  { stdio: ['ignore', 'inherit', 'inherit'], cwd: scratch },
)
const base64 = readFileSync(binary).toString('base64')
rmSync(scratch, { recursive: true })

const text = `// Made by \`npm run generate:simd\` from simd/resample.ts with ${compiler}; do not edit.

/** The compiled loops of resample.ts. */
export function resampleWasm(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from('${base64}', 'base64'))
}
`
if (!process.argv.includes('--check')) {
  writeFileSync(target, text)
} else if (readFileSync(target, 'utf8') !== text) {
  process.stderr.write(
    `${target} is not what simd/resample.ts compiles to: npm run generate:simd\n`,
  )
  process.exitCode = 1
}
