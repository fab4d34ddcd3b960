/** The public listener: what http Triggers declare, nothing else. Routes are compiled once per change of the feed. */
import type { FeedRoute } from '../../api/protocol.ts'
import { ProblemError } from '../../routing/problems.ts'
import { corsHeaders, headerOf, preflightHeaders, readPreflight } from '../routes/cors.ts'
import { compileRoutes, type RouteMatcher } from '../routes/match.ts'
import { problemResolution, type IncomingTarget, type Resolution } from './target.ts'

const NONE: readonly string[] = []

export class PublicTargets {
  #routes: readonly FeedRoute[] = []
  #matcher: RouteMatcher = compileRoutes([])

  /** Cheap when the routes are the same array as before. */
  update(routes: readonly FeedRoute[]): void {
    if (routes === this.#routes) return
    this.#routes = routes
    this.#matcher = compileRoutes(routes)
  }

  resolve({ host, method, target, rawHeaders }: IncomingTarget): Resolution {
    const preflight = readPreflight(method, rawHeaders)
    if (preflight !== undefined) {
      const asked = this.#matcher.match(host, preflight.method, target)
      if (asked.kind === 'match' && asked.route.cors !== undefined) {
        const { methods, cors } = asked.route
        return { kind: 'answer', status: 204, headers: preflightHeaders({ methods, cors }, preflight) }
      }
    }
    const match = this.#matcher.match(host, method, target)
    switch (match.kind) {
      case 'match': {
        const { route, functionPath } = match
        const extraHeaders = route.cors === undefined ? NONE : corsHeaders(route.cors, headerOf(rawHeaders, 'origin'))
        return { kind: 'target', key: route.function, path: functionPath, route, extraHeaders }
      }
      case 'not-found':
        return problemResolution(new ProblemError('unknown-route', `no trigger serves ${target} on ${host}`))
      case 'bad-path':
        return problemResolution(badPath(target))
      case 'method-not-allowed': {
        const allow = match.allow.join(', ')
        const problem = new ProblemError('method-not-allowed', `expected one of ${allow}, got ${method}`)
        return problemResolution(problem, ['allow', allow])
      }
    }
  }
}

export function badPath(target: string): ProblemError {
  return new ProblemError('bad-path', `expected a path without '..', broken escapes or backslashes, got ${target}`)
}
