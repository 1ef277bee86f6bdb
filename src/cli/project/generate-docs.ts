// `npm run docs`: writes docs/configuration.md from the table of config.ts.
import { writeFileSync } from 'node:fs'
import { variables } from '../../config.ts'

/** The page, as it must stand in docs/. */
export function configurationPage(): string {
  const rows = Object.values(variables).map(({ name, default: byDefault, form, meaning, risk }) => {
    const shown = byDefault === '' ? 'none' : `\`${byDefault}\``
    return [`\`${name}\``, shown, sentence(meaning), form.description, risk ?? '']
      .map((cell) => cell.replaceAll('|', '\\|'))
      .join(' | ')
  })
  return `${head}${rows.map((row) => `| ${row} |`).join('\n')}\n${foot}`
}

const head = `# Configuration

<!-- Written by \`npm run docs\` from src/config.ts: change it there. -->

Every setting is an environment variable, and a flag of \`serve\`: \`MAX_BATCH_SIZE=8\` is \`--max-batch-size 8\`. A flag wins
over the variable, the variable over the default. A value that is not in its form stops the start with one line that
says which, and exit code 2. \`serve --help\` prints the same table.

\`\`\`bash
npx resnet-serving serve --help
\`\`\`

| variable | default | meaning | form | what setting or raising it risks |
| --- | --- | --- | --- | --- |
`

const foot = `
Which of them matter for a machine of your size: [operations](operations.md). What the numbers do to speed:
[performance](performance/README.md). Which engine and device to choose: [engines](engines.md).
`

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

if (process.argv[1]?.endsWith('generate-docs.js')) {
  writeFileSync(new URL('../../../../docs/configuration.md', import.meta.url), configurationPage())
}
