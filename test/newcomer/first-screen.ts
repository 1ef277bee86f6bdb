// What a reader of README.md takes from it without scrolling: the commands and the address.

/** Lines that fit on a laptop's screen below the header of a code host, pictures not counted. */
const firstScreenLines = 20

export interface FirstScreen {
  readonly commands: string
  /** Without a slash at its end. */
  readonly address: string
}

export function readFirstScreen(readme: string): FirstScreen {
  const top = readme.split('\n').slice(0, firstScreenLines).join('\n')
  const commands = /```bash\n(.*?)\n```/s.exec(top)?.[1]
  const address = /Open (http:\/\/[\w.:]+)/.exec(top)?.[1]
  if (commands === undefined || address === undefined) {
    throw new Error(
      `README.md must show in its first ${firstScreenLines} lines a block of commands and "Open http://…"`,
    )
  }
  return { commands, address }
}
