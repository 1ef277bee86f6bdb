// Where the server is that --url names.
import { ConfigError } from '../errors.ts'

/**
 * What --url says, without what is behind its path and without a slash at the end: a proxy may serve
 * below a path of its own. The route to classify with is no such path, but easily copied with the address.
 * @throws ConfigError where that is no address
 */
export function baseOf(url: string): string {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new ConfigError(`--url is ${JSON.stringify(url)}; expected an http or https address`)
  }
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname.replace(/(\/+v1\/classify)?\/*$/, '')}`
}
