// The last step of `npm run build`: tsc copies no files that are not TypeScript, so this does.
// Everything under src/ that is not source (label tables, the web page) lands beside the compiled code.
import { cpSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const projectFolder = new URL('../../../', import.meta.url)
const source = fileURLToPath(new URL('src/', projectFolder))
const target = fileURLToPath(new URL('dist/src/', projectFolder))

cpSync(source, target, {
  recursive: true,
  filter: (path) => !/\.c?ts$|\.proto$/.test(path),
})
