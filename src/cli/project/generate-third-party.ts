// `npm run licences`: THIRD-PARTY.md, the packages that an installation brings and their licences,
// from package-lock.json. Ends with an error where one is not known to be compatible.
import { readFileSync, writeFileSync } from 'node:fs'
import { UsageError } from '../../errors.ts'

interface LockedPackage {
  readonly version?: string
  readonly license?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly link?: boolean
}

export interface ThirdParty {
  readonly name: string
  readonly version: string
  readonly licence: string
  readonly optional: boolean
}

/** Licences that allow a service under Apache-2.0 to be installed, changed and sold with them. */
const compatible = [
  ...['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0'],
  ...['CC0-1.0', 'Unlicense', 'Python-2.0', 'WTFPL'],
  // libvips, as a library of its own beside sharp: it may be replaced, which is what it asks for.
  'LGPL-3.0-or-later',
]

const root = new URL('../../../../', import.meta.url)

/** What `npm install` of this package brings, by name. */
export function thirdParties(): readonly ThirdParty[] {
  const text = readFileSync(new URL('package-lock.json', root), 'utf8')
  const { packages } = JSON.parse(text) as { packages: Record<string, LockedPackage> }
  return (
    Object.entries(packages)
      // What lies outside node_modules, and the links to it, is this project's own.
      .filter(([path, { dev, link }]) => path.includes('node_modules/') && !dev && !link)
      .map(([path, { version = '', license = 'unknown', optional = false }]) => ({
        name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
        version,
        licence: license,
        optional,
      }))
      .sort((a, b) => a.name.localeCompare(b.name) || a.version.localeCompare(b.version))
  )
}

/** Packages whose licence is not on the list above. */
export function incompatible(packages: readonly ThirdParty[]): readonly ThirdParty[] {
  return packages.filter(({ licence }) => !isCompatible(licence))
}

/** SPDX: every part of an AND must be on the list, one part of an OR. */
function isCompatible(licence: string): boolean {
  const plain = licence.replaceAll(/[()]/g, '')
  if (plain.includes(' OR ')) return plain.split(' OR ').some(isCompatible)
  return plain.split(' AND ').every((part) => compatible.includes(part.trim()))
}

function page(packages: readonly ThirdParty[]): string {
  const rows = packages.map(({ name, version, licence, optional }) => {
    return `| ${name} | ${version} | ${licence} | ${optional ? 'optional' : ''} |`
  })
  return `# Third-party packages

What an installation brings beside this package, each under its own licence; the text is in the
package's folder. Optional ones are installed only where they suit the machine. What is part of this
package itself is named in NOTICE.

| package | version | licence | |
| --- | --- | --- | --- |
${rows.join('\n')}
`
}

if (process.argv[1]?.endsWith('generate-third-party.js')) {
  const packages = thirdParties()
  const wrong = incompatible(packages).map(({ name, licence }) => `${name} (${licence})`)
  if (wrong.length > 0) throw new UsageError(`licences to look at first: ${wrong.join(', ')}`)
  writeFileSync(new URL('THIRD-PARTY.md', root), page(packages))
}
