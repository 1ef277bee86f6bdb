// Where the server is that --url names.
import { ConfigError } from '../errors.ts'

/** Scheme, host and port of what --url says. @throws ConfigError where that is no address */
export function originOf(url: string): string {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new ConfigError(`--url is ${JSON.stringify(url)}; expected an http or https address`)
  }
  return new URL(url).origin
}
