/**
 * Who may call an internal listener that is on loopback, as in local mode: programs of this machine. Pages of other sites that a developer has open
 * in a browser reach it as well, and could call functions and publish events; by DNS rebinding even under a name of their own. Pure.
 */
import { hostOfOrigin } from '../../lib/web-origin.ts'
import { ProblemError } from '../../routing/problems.ts'
import { headerOf } from '../routes/cors.ts'
import type { IncomingTarget } from './target.ts'

const LOOPBACK = /^(localhost|[\w-]+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i
/** Addresses, and names that no public DNS has, such as that under which containers call the machine they run on: nobody can rebind them. */
const PRIVATE = /^(\[[\da-f:.]+\]|\d+\.\d+\.\d+\.\d+|[\w-]*|[\w.-]+\.(localhost|internal))(:\d+)?$/i
/** As in a cluster. */
const FUNCTION = /^[\w-]+\.[\w-]+(\.svc(\.cluster\.local)?)?(:\d+)?$/i

/** Undefined for programs, and for pages of this machine's own servers. `isFunction`: its first two labels are a function's. */
export function refuseOtherSites(
  { host, method, rawHeaders }: IncomingTarget,
  isFunction: (host: string) => boolean,
): ProblemError | undefined {
  const isOurs = PRIVATE.test(host) || (FUNCTION.test(host) && isFunction(host))
  if (!isOurs) return new ProblemError('foreign-site', `expected a Host such as localhost, got ${JSON.stringify(host)}`)
  const origin = headerOf(rawHeaders, 'origin')
  const isForeign = origin === undefined ? isCrossSite(rawHeaders) && !isRead(method) : !isOfThisMachine(origin, host)
  if (!isForeign) return undefined
  const from = JSON.stringify(origin ?? 'another site')
  return new ProblemError('foreign-site', `expected no request from a page of another site, got one from ${from}`)
}

/** What a link or an image does: answers are not shown to other sites, and a function that changes things on GET is the web's to all. */
const isRead = (method: string) => method === 'GET' || method === 'HEAD'

const isCrossSite = (rawHeaders: readonly string[]) => headerOf(rawHeaders, 'sec-fetch-site') === 'cross-site'

/** A development server's page, on whatever port, is at home. */
function isOfThisMachine(origin: string, host: string): boolean {
  const from = hostOfOrigin(origin)
  return from !== undefined && (LOOPBACK.test(from) || from === host)
}
