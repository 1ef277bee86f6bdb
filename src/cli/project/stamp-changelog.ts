// Part of `npm version`: the section "Unreleased" of CHANGELOG.md becomes that of the new version.
import { readFileSync, writeFileSync } from 'node:fs'
import { UsageError } from '../../errors.ts'
import { packageVersion } from '../package-version.ts'

const heading = '## Unreleased'

/** @throws UsageError where there is nothing to release */
export function stamp(changelog: string, version: string, date: string): string {
  const [before, after] = changelog.split(`${heading}\n`)
  if (before === undefined || after === undefined || !/^\s*-/.test(after)) {
    throw new UsageError(`CHANGELOG.md has nothing under "${heading}": write down what changed`)
  }
  return `${before}${heading}\n\n## ${version} (${date})\n${after}`
}

if (process.argv[1]?.endsWith('stamp-changelog.js')) {
  const file = new URL('../../../../CHANGELOG.md', import.meta.url)
  const today = new Date().toISOString().slice(0, 10)
  writeFileSync(file, stamp(readFileSync(file, 'utf8'), packageVersion(), today))
}
