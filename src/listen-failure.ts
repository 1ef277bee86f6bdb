// Why nobody can listen on HOST and PORT, in words that say what to do.

const reasons: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (host, port) =>
    `port ${port} of ${host} is in use by another program; stop that one, or take another port: --port ${port + 1}`,
  EACCES: (_host, port) =>
    `port ${port} may not be used: ports below 1024 are for the administrator; take another: --port 8080`,
  EADDRNOTAVAIL: (host) =>
    `this machine has no address ${host}; HOST=127.0.0.1 is this machine alone, HOST=0.0.0.0 every network`,
  ENOTFOUND: (host) => `HOST is ${JSON.stringify(host)}, which is no address and no known name`,
}

/** @returns undefined where the error is not one of listening */
export function listenFailureOf(
  error: unknown,
  { host, port }: { readonly host: string; readonly port: number },
): string | undefined {
  return reasons[(error as NodeJS.ErrnoException).code ?? '']?.(host, port)
}
