import type { FeedRoute } from '../../api/protocol.ts'

export const defaultCors: NonNullable<FeedRoute['cors']> = {
  allowOrigins: ['*'],
  allowMethods: [],
  allowHeaders: [],
  exposeHeaders: [],
  allowCredentials: false,
  maxAgeSeconds: 600,
}

/** A route for everything, with what the test cares about in its place. */
export function feedRoute(change: Partial<FeedRoute> = {}): FeedRoute {
  return {
    trigger: 'default/hello',
    function: 'default/hello',
    hosts: [],
    path: '/',
    pathType: 'Prefix',
    methods: [],
    stripPrefix: false,
    ...change,
  }
}
