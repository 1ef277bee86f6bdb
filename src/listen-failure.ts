// Why nobody can listen on an address and a port, in words that say what to do.

export interface ListenPlace {
  readonly host: string
  readonly port: number
  /** What chooses the port; `--port` where left out. */
  readonly flag?: '--port' | '--metrics-port'
}

type Reason = (place: Required<ListenPlace>) => string

const usualPorts = { '--port': 8080, '--metrics-port': 9090 } as const

const reasons: Readonly<Record<string, Reason>> = {
  EADDRINUSE: ({ host, port, flag }) =>
    `port ${port} of ${host} is in use by another program; stop that one, or take another port: ${flag} ${port + 1}`,
  EACCES: ({ port, flag }) =>
    `port ${port} may not be used: ports below 1024 are for the administrator; take another: ${flag} ${usualPorts[flag]}`,
  EADDRNOTAVAIL: ({ host }) =>
    `this machine has no address ${host}; HOST=127.0.0.1 is this machine alone, HOST=0.0.0.0 every network`,
  ENOTFOUND: ({ host }) => `HOST is ${JSON.stringify(host)}, which is no address and no known name`,
}

/** @returns undefined where the error is not one of listening */
export function listenFailureOf(
  error: unknown,
  { host, port, flag = '--port' }: ListenPlace,
): string | undefined {
  return reasons[(error as NodeJS.ErrnoException).code ?? '']?.({ host, port, flag })
}
