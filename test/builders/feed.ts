/** Feed records with sensible values; tests name only what matters to them. */
import type { FeedEndpoint, FeedFunction, FeedRoute, FeedSubscription } from '../../api/protocol.ts'

export function feedFunction(part: Partial<FeedFunction> = {}): FeedFunction {
  return {
    key: 'default/hello',
    uid: 'uid-hello',
    revision: 'r1',
    signature: 'http',
    concurrency: 10,
    timeoutMs: 5_000,
    maxPods: 20,
    memoryMb: 128,
    ...part,
  }
}

export function feedEndpoint(part: Partial<FeedEndpoint> & { id: string }): FeedEndpoint {
  return {
    pod: part.id,
    function: 'default/hello',
    revision: 'r1',
    address: '127.0.0.1:1',
    dataKey: `key-of-${part.id}`,
    acknowledges: true,
    ...part,
  }
}

/** A route for everything. */
export function feedRoute(part: Partial<FeedRoute> = {}): FeedRoute {
  return {
    trigger: 'default/hello',
    function: 'default/hello',
    hosts: [],
    path: '/',
    pathType: 'Prefix',
    methods: [],
    stripPrefix: false,
    ...part,
  }
}

export const defaultCors: NonNullable<FeedRoute['cors']> = {
  allowOrigins: ['*'],
  allowMethods: [],
  allowHeaders: [],
  exposeHeaders: [],
  allowCredentials: false,
  maxAgeSeconds: 600,
}

export function feedSubscription(part: Partial<FeedSubscription> = {}): FeedSubscription {
  return {
    trigger: 'default/on-orders',
    uid: 'uid-on-orders',
    function: 'default/hello',
    source: 'kafka',
    topics: ['orders'],
    startFrom: 'earliest',
    ordering: 'unordered',
    filters: [],
    retry: { maxAttempts: 3, backoff: { initialMs: 50, factor: 2, maxMs: 1_000 }, maxAgeMs: 3_600_000 },
    onExhausted: 'deadLetter',
    keepDeadLetters: true,
    ...part,
  }
}
