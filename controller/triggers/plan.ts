/** From all Triggers to the route table, the subscriptions, and a verdict for each. Pure. */
import type { ObjectKey } from '../../api/names.ts'
import type { FeedRoute, FeedSubscription } from '../../api/protocol.ts'
import type { HttpTrigger } from '../../api/trigger.ts'
import { resolveClaims } from './claims.ts'
import type { Claim } from './claims.ts'
import type { ObservedTrigger } from './observe.ts'
import { subscriptionOf } from './subscription.ts'

export interface TriggerVerdict {
  observed: ObservedTrigger
  claim: Claim
  /** Why its schedule cannot be followed. */
  mistake?: string
  /** Why there are no topics to read. */
  noTopics?: string
}

/** What an installation has, and what it can follow. */
export interface TriggerMeans {
  checkSchedule?: ScheduleCheck
  /** A clause that says why no topic can be read; undefined: they can. */
  noTopics?: string
}

export interface TriggersPlan {
  /** Sorted by trigger key, so that equal tables are equal arrays. */
  routes: FeedRoute[]
  /** Sorted likewise. */
  subscriptions: FeedSubscription[]
  verdicts: TriggerVerdict[]
}

/**
 * A Trigger whose Function is missing keeps its routes: they are published and the gateway answers 404 `unknown-function`, so that a
 * Function that is deleted and made anew does not lose its address to someone else in between, and creation order does not matter.
 * Subscriptions stay likewise, and their records wait. One with a schedule that cannot be followed stays, too: dispatchers would take it for
 * deleted, with the ticks and retries that wait, and a mistake in an edit must not cost those.
 */
export function plan(
  triggers: readonly ObservedTrigger[],
  { checkSchedule = () => undefined, noTopics }: TriggerMeans = {},
): TriggersPlan {
  const claims = resolveClaims(
    triggers.flatMap(({ key, trigger: { metadata, spec } }) =>
      spec.http === undefined ? [] : [{ key, createdAtMs: Date.parse(metadata.creationTimestamp), http: spec.http }],
    ),
  )
  const verdicts = triggers.map((observed): TriggerVerdict => {
    const { http, cron, kafka } = observed.trigger.spec
    const mistake = cron && checkSchedule(cron)
    const claim: Claim = http === undefined ? { kind: 'accepted' } : claimOf(claims, observed.key)
    const unread = kafka === undefined ? undefined : noTopics
    return {
      ...{ observed, claim },
      ...(mistake !== undefined && { mistake }),
      ...(unread !== undefined && { noTopics: unread }),
    }
  })
  const accepted = verdicts.filter(({ claim }) => claim.kind === 'accepted')
  const sorted = accepted.map(({ observed }) => observed).sort((a, b) => (a.key < b.key ? -1 : 1))
  return {
    verdicts,
    routes: sorted.flatMap((observed) => {
      const { http } = observed.trigger.spec
      return http === undefined ? [] : [routeOf(observed, http)]
    }),
    subscriptions: sorted.flatMap((observed) => subscriptionOf(observed) ?? []),
  }
}

/** One sentence when the schedule or its time zone cannot be followed. */
export type ScheduleCheck = (cron: { schedule: string; timezone: string }) => string | undefined

function claimOf(claims: Map<ObjectKey, Claim>, key: ObjectKey): Claim {
  const claim = claims.get(key)
  if (!claim) throw new Error(`expected a verdict on the claims of ${key}, got none`)
  return claim
}

function routeOf({ key, functionKey }: ObservedTrigger, http: HttpTrigger): FeedRoute {
  const { hosts, path, pathType, methods, stripPrefix, payloadFormatVersion, cors } = http
  return {
    trigger: key,
    function: functionKey,
    hosts: hosts.map((host) => host.toLowerCase()),
    path,
    pathType,
    methods,
    stripPrefix,
    ...(payloadFormatVersion === '1.0' && { payloadFormatVersion }),
    ...(cors && { cors }),
  }
}
