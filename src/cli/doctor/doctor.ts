// `doctor`: looks at what the service needs and says what is there, what is not, and what to do.
import { Command } from 'commander'
import { readConfig } from '../../config.ts'
import { inOneLine } from '../one-line.ts'
import { examineEngines } from './doctor-engines.ts'
import { examineMachine } from './doctor-machine.ts'
import { examineModels } from './doctor-models.ts'
import { examinePort } from './doctor-port.ts'
import type { Chapter, Finding } from './finding.ts'

const help = `
It changes nothing. Loading every engine and reading every model takes some seconds.
Exit code: 0 \`serve\` would work here; 1 something marked "no" is in its way.`

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('examine machine, engines, models and port, and say what to do')
    .option('--json', 'as JSON, for programs', false)
    .addHelpText('after', help)
    .action(
      inOneLine(async ({ json }: { json: boolean }) => {
        const config = readConfig(process.env)
        const chapters: readonly Chapter[] = [
          { title: 'Machine', findings: await examineMachine() },
          { title: 'Engines', findings: await examineEngines(config) },
          {
            title: `Models in ${config.modelRepository}`,
            findings: await examineModels(config),
          },
          { title: 'Server', findings: await examinePort(config) },
        ]
        process.stdout.write(json ? `${JSON.stringify(chapters, null, 2)}\n` : asText(chapters))
        if (chapters.some(({ findings }) => findings.some(isBad))) process.exitCode = 1
      }),
    )
}

const isBad = ({ level }: Finding) => level === 'no'

function asText(chapters: readonly Chapter[]): string {
  const parts = chapters.map(({ title, findings }) =>
    [title, ...findings.flatMap(lines)].join('\n'),
  )
  const bad = chapters.flatMap(({ findings }) => findings.filter(isBad))
  const verdict =
    bad.length === 0
      ? 'Nothing is in the way of `serve`.'
      : `In the way of \`serve\`: ${bad.length}, marked "no" above.`
  return `${[...parts, verdict].join('\n\n')}\n`
}

function lines({ level, text, todo }: Finding): readonly string[] {
  const first = `  ${level.padEnd(4)}  ${text}`
  return todo === undefined ? [first] : [first, `        -> ${todo}`]
}
