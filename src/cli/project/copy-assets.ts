// The last step of `npm run build`: tsc copies no files that are not TypeScript, so this does.
// Everything under src/ that is not source (label tables, the web page) lands beside the compiled code,
// and so does openapi.yaml as JSON: parsing YAML would take a third of the server's own start.
import { chmodSync, copyFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

const projectFolder = new URL('../../../../', import.meta.url)
const source = fileURLToPath(new URL('src/', projectFolder))
const target = fileURLToPath(new URL('dist/src/', projectFolder))

cpSync(source, target, {
  recursive: true,
  filter: (path) => !/\.[cm]?[jt]s$|\.proto$/.test(path),
})
// Also run before there is a build (start.cjs), so it is no TypeScript.
const check = 'cli/refuse-old-node.cjs'
copyFileSync(`${source}${check}`, `${target}${check}`)
// npm does this where it makes the link to the program, once: a link from before outlives a build.
chmodSync(`${target}cli/bin.cjs`, 0o755)

const contract = parse(readFileSync(new URL('openapi.yaml', projectFolder), 'utf8'))
writeFileSync(`${target}http/openapi.json`, JSON.stringify(contract))
