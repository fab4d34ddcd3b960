/**
 * Finds the route of a request. Owns the order of precedence: exact host, longest wildcard, any host; there, exact path before longest
 * prefix; a route that does not take the method gives way to the next. Compiled once per change of the feed, immutable, no I/O. It answers
 * nothing itself: the proxy turns outcomes into problems, cors.ts answers preflights (match those with the method they ask for).
 */
import type { FeedRoute } from '../../api/protocol.ts'
import { parseTarget, withoutSegments, type Target } from './target.ts'

export type RouteMatch =
  /** `functionPath` is the raw target the function gets: with query, without `path` when stripPrefix says so. */
  | { kind: 'match'; route: FeedRoute; functionPath: string }
  | { kind: 'not-found' }
  /** Routes have the path but not the method; `allow` is what they take. */
  | { kind: 'method-not-allowed'; allow: string[] }
  /** The target cannot be read one way only: 400. */
  | { kind: 'bad-path' }

export interface RouteMatcher {
  /** `host` as in the Host header, port and case included; `target` as in the request line. */
  match(host: string | undefined, method: string, target: string): RouteMatch
}

/** Routes of one host name (or wildcard, or any), in the order they were given: the first of equals wins. */
interface HostTable {
  exact: Map<string, FeedRoute[]>
  /** By path without trailing slash. */
  prefix: Map<string, FeedRoute[]>
  longestPrefix: number
}

const BAD_PATH: RouteMatch = { kind: 'bad-path' }
const NOT_FOUND: RouteMatch = { kind: 'not-found' }

export function compileRoutes(routes: readonly FeedRoute[]): RouteMatcher {
  const chainOf = compileHosts(routes)
  return {
    match(host, method, text) {
      const target = parseTarget(text)
      if (!target) return BAD_PATH
      const chain = chainOf(hostName(target.authority ?? host ?? ''))
      for (const table of chain) {
        const route = find(table, target.path, (candidate) => accepts(candidate, method))
        if (route) return { kind: 'match', route, functionPath: functionPath(route, target) }
      }
      return refusal(chain, target.path)
    },
  }
}

function accepts({ methods }: FeedRoute, method: string): boolean {
  return methods.length === 0 || methods.includes(method)
}

/** Off the hot path: asks again for routes of any method. */
function refusal(chain: readonly HostTable[], path: string): RouteMatch {
  const allow = new Set<string>()
  for (const table of chain) {
    find(table, path, ({ methods }) => {
      for (const method of methods) allow.add(method)
      return false
    })
  }
  return allow.size > 0 ? { kind: 'method-not-allowed', allow: [...allow].sort() } : NOT_FOUND
}

/** Tables to ask for a host name, most specific first. Chains are built here, so that a request only looks one up. */
function compileHosts(routes: readonly FeedRoute[]): (name: string) => readonly HostTable[] {
  const tables = new Map<string, HostTable>()
  for (const route of routes) {
    for (const host of route.hosts.length === 0 ? [''] : route.hosts) add(tableFor(tables, host.toLowerCase()), route)
  }
  const chains = new Map<string, readonly HostTable[]>()
  for (const host of tables.keys()) chains.set(host, chain(tables, host))
  const any = chains.get('') ?? []
  const hasWildcards = [...tables.keys()].some((host) => host.startsWith('*.'))
  return (name) => chains.get(name) ?? (hasWildcards ? chains.get(widest(chains, name)) : undefined) ?? any
}

function tableFor(tables: Map<string, HostTable>, host: string): HostTable {
  const table = tables.get(host) ?? { exact: new Map(), prefix: new Map(), longestPrefix: 0 }
  tables.set(host, table)
  return table
}

function chain(tables: ReadonlyMap<string, HostTable>, host: string): HostTable[] {
  const names = [host, ...wildcardsOf(host), '']
  return [...new Set(names)].flatMap((name) => tables.get(name) ?? [])
}

/** The most specific wildcard that has `name`; empty when none. */
function widest(chains: ReadonlyMap<string, unknown>, name: string): string {
  return name.length > 253 ? '' : (wildcardsOf(name).find((wildcard) => chains.has(wildcard)) ?? '')
}

/** `a.b.c` → `*.b.c`, `*.c`. */
function wildcardsOf(host: string): string[] {
  const labels = (host.startsWith('*.') ? host.slice(2) : host).split('.')
  return labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`)
}

function add(table: HostTable, route: FeedRoute): void {
  const exact = route.pathType === 'Exact'
  const path = exact ? route.path : route.path.replace(/\/+$/, '')
  const byPath = exact ? table.exact : table.prefix
  const same = byPath.get(path)
  if (same) same.push(route)
  else byPath.set(path, [route])
  if (!exact) table.longestPrefix = Math.max(table.longestPrefix, path.length)
}

/** The first route that has the path and that `accept` takes: exact, then from the longest prefix to the shortest. */
function find(table: HostTable, path: string, accept: (route: FeedRoute) => boolean): FeedRoute | undefined {
  const exact = table.exact.get(path)?.find(accept)
  if (exact) return exact
  // No prefix is longer than the longest: a path of a thousand segments costs no thousand look-ups.
  let end = path.length
  while (end > table.longestPrefix) end = path.lastIndexOf('/', end - 1)
  for (; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const route = table.prefix.get(path.slice(0, end))?.find(accept)
    if (route) return route
  }
  return table.prefix.get('')?.find(accept)
}

function functionPath(route: FeedRoute, target: Target): string {
  if (!route.stripPrefix) return target.raw
  return withoutSegments(target, route.path.split('/').filter((segment) => segment !== '').length)
}

/** Without port and final dot, in lower case. */
export function hostName(host: string): string {
  const colon = host.lastIndexOf(':')
  let name = colon > host.lastIndexOf(']') ? host.slice(0, colon) : host
  if (name.endsWith('.')) name = name.slice(0, -1)
  return name.toLowerCase()
}
