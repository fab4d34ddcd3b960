/** From all Triggers to the route table and a verdict for each. Pure. */
import type { ObjectKey } from '../../api/names.ts'
import type { FeedRoute } from '../../api/protocol.ts'
import { resolveClaims } from './claims.ts'
import type { Claim } from './claims.ts'
import type { ObservedTrigger } from './observe.ts'

export interface TriggerVerdict {
  observed: ObservedTrigger
  claim: Claim
}

export interface TriggersPlan {
  /** Sorted by trigger key, so that equal tables are equal arrays. */
  routes: FeedRoute[]
  verdicts: TriggerVerdict[]
}

/**
 * A Trigger whose Function is missing keeps its routes: they are published and the gateway answers 404 `unknown-function`, so that a
 * Function that is deleted and made anew does not lose its address to someone else in between, and creation order does not matter.
 */
export function plan(triggers: readonly ObservedTrigger[]): TriggersPlan {
  const claims = resolveClaims(
    triggers.map(({ key, trigger }) => ({
      key,
      createdAtMs: Date.parse(trigger.metadata.creationTimestamp),
      http: trigger.spec.http,
    })),
  )
  const verdicts = triggers.map((observed) => ({ observed, claim: claimOf(claims, observed.key) }))
  const routes = verdicts.filter(({ claim }) => claim.kind === 'accepted').map(({ observed }) => routeOf(observed))
  return { verdicts, routes: routes.sort((a, b) => (a.trigger < b.trigger ? -1 : 1)) }
}

function claimOf(claims: Map<ObjectKey, Claim>, key: ObjectKey): Claim {
  const claim = claims.get(key)
  if (!claim) throw new Error(`expected a verdict on the claims of ${key}, got none`)
  return claim
}

function routeOf({ key, functionKey, trigger }: ObservedTrigger): FeedRoute {
  const { hosts, path, pathType, methods, stripPrefix, cors } = trigger.spec.http
  return {
    trigger: key,
    function: functionKey,
    hosts: hosts.map((host) => host.toLowerCase()),
    path,
    pathType,
    methods,
    stripPrefix,
    ...(cors && { cors }),
  }
}
