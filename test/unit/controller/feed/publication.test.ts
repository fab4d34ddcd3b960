import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { ObjectKey } from '../../../../api/names.ts'
import { feedMessageSchema, type FeedEndpoint, type FeedFunction, type FeedMessage } from '../../../../api/protocol.ts'
import { Publication, type FunctionState } from '../../../../controller/feed/publication.ts'
import { feedRoute, feedSubscription } from '../../../builders/feed.ts'

const fn = (key: ObjectKey, revision: string): FeedFunction => ({
  key,
  uid: `uid-${key}`,
  revision,
  signature: 'event',
  concurrency: 1,
  timeoutMs: 30_000,
  maxPods: 20,
  memoryMb: 128,
})
const endpoint = (key: ObjectKey, revision: string, index: number): FeedEndpoint => ({
  id: `${key}-${revision}-${index}`,
  pod: `pod-${index}`,
  function: key,
  revision,
  address: `10.0.0.${index}:8080`,
  dataKey: 'secret',
  acknowledges: true,
})
const state = (key: ObjectKey, revision: string, pods: number): FunctionState => ({
  key,
  function: fn(key, revision),
  endpoints: Array.from({ length: pods }, (_, index) => endpoint(key, revision, index)),
})
const parse = (line: string | undefined): FeedMessage => feedMessageSchema.parse(JSON.parse(line ?? ''))

/** What a consumer has after applying messages. */
class Consumer {
  functions = new Map<string, FeedFunction>()
  endpoints = new Map<string, FeedEndpoint>()
  version = -1

  apply(message: FeedMessage): void {
    this.version = message.version
    if (message.type === 'heartbeat') return
    if (message.type === 'change') {
      message.removedFunctions.forEach((key) => this.functions.delete(key))
      message.removedEndpoints.forEach((id) => this.endpoints.delete(id))
    }
    message.functions.forEach((each) => this.functions.set(each.key, each))
    message.endpoints.forEach((each) => this.endpoints.set(each.id, each))
  }
}

describe('Publication', () => {
  test('says nothing when nothing changed, and keeps its version', () => {
    const publication = new Publication('e')
    publication.apply({ functions: [state('a/b', 'r1', 1)], routes: [] })
    expect(publication.apply({ functions: [state('a/b', 'r1', 1)], routes: [] })).toBeUndefined()
    expect(publication.version).toBe(1)
  })

  test('a switch of revision is one message with the new function, its endpoints, and the end of the old ones', () => {
    const publication = new Publication('e')
    publication.apply({ functions: [state('a/b', 'r1', 2)] })
    const message = parse(publication.apply({ functions: [state('a/b', 'r2', 1)] }))
    expect(message).toMatchObject({
      type: 'change',
      version: 2,
      functions: [{ revision: 'r2' }],
      endpoints: [{ revision: 'r2' }],
      removedEndpoints: ['a/b-r1-0', 'a/b-r1-1'],
    })
    expect(message).not.toHaveProperty('routes')
  })

  test('carries only the function that changed', () => {
    const publication = new Publication('e')
    const all = Array.from({ length: 1_000 }, (_, index) => state(`a/fn-${index}`, 'r1', 0))
    publication.apply({ functions: all })
    const line = publication.apply({ functions: [state('a/fn-7', 'r1', 1)] }) ?? ''
    expect(line.length).toBeLessThan(500)
    expect(parse(line)).toMatchObject({ functions: [], endpoints: [{ function: 'a/fn-7' }] })
  })

  test('a function that is gone takes its endpoints along', () => {
    const publication = new Publication('e')
    publication.apply({ functions: [state('a/b', 'r1', 1)] })
    expect(parse(publication.apply({ functions: [{ key: 'a/b', endpoints: [] }] }))).toMatchObject({
      removedFunctions: ['a/b'],
      removedEndpoints: ['a/b-r1-0'],
    })
  })

  test('knows in which version an endpoint came and went', () => {
    const publication = new Publication('e')
    publication.apply({ functions: [state('a/b', 'r1', 1)] })
    expect(publication.addedAt('a/b-r1-0')).toBe(1)
    publication.apply({ functions: [state('a/b', 'r1', 0)] })
    expect(publication.addedAt('a/b-r1-0')).toBeUndefined()
    expect(publication.removedAt('a/b-r1-0')).toBe(2)
    expect(publication.removedAt('never')).toBeUndefined()
  })

  test('routes are replaced whole, and only when they differ', () => {
    const publication = new Publication('e')
    expect(parse(publication.apply({ functions: [], routes: [feedRoute({ path: '/x' })] }))).toMatchObject({
      routes: [{ path: '/x' }],
    })
    expect(publication.apply({ functions: [], routes: [feedRoute({ path: '/x' })] })).toBeUndefined()
  })

  test('subscriptions are replaced whole, only when they differ, and without the routes', () => {
    const publication = new Publication('e')
    publication.apply({ functions: [], routes: [feedRoute()], subscriptions: [feedSubscription()] })
    const both = { functions: [], routes: [feedRoute()] }
    expect(publication.apply({ ...both, subscriptions: [feedSubscription()] })).toBeUndefined()
    const message = parse(publication.apply({ ...both, subscriptions: [feedSubscription({ ordering: 'key' })] }))
    expect(message).toMatchObject({ version: 2, subscriptions: [{ ordering: 'key' }] })
    expect(message).not.toHaveProperty('routes')
    expect(parse(publication.apply({ functions: [], subscriptions: [] }))).toHaveProperty('subscriptions', [])
  })

  test('routes that change say nothing of subscriptions, and a snapshot says both', () => {
    const publication = new Publication('e')
    publication.apply({ functions: [], routes: [], subscriptions: [feedSubscription()] })
    expect(parse(publication.apply({ functions: [], routes: [feedRoute()] }))).not.toHaveProperty('subscriptions')
    expect(parse(publication.snapshot())).toMatchObject({
      routes: [feedRoute()],
      subscriptions: [feedSubscription()],
    })
  })

  test('everything a subscription can say reaches the consumer', () => {
    const all = feedSubscription({
      filters: [{ type: { prefix: 'shop.' }, key: { exact: 'a' } }, { 'data.a': { suffix: 'z' } }],
      batch: { size: 3, windowMs: 250, bisect: true },
      onExhausted: 'block',
      keepDeadLetters: false,
    })
    const publication = new Publication('e')
    publication.apply({ functions: [], subscriptions: [all] })
    expect(parse(publication.snapshot())).toHaveProperty('subscriptions', [all])
  })

  test('following changes from any snapshot leads to what a fresh snapshot says', () => {
    const key = fc.constantFrom<ObjectKey>('a/x', 'a/y', 'b/z')
    const present = fc.tuple(key, fc.constantFrom('r1', 'r2'), fc.nat(3)).map((args) => state(...args))
    const gone = key.map((each): FunctionState => ({ key: each, endpoints: [] }))
    const turns = fc.array(fc.uniqueArray(fc.oneof(present, gone), { maxLength: 3, selector: (each) => each.key }), {
      maxLength: 12,
    })
    fc.assert(
      fc.property(turns, fc.nat(12), (batches, joinsAt) => {
        const publication = new Publication('e')
        const consumer = new Consumer()
        batches.forEach((functions, index) => {
          if (index === joinsAt) consumer.apply(parse(publication.snapshot()))
          const line = publication.apply({ functions })
          if (index >= joinsAt && line !== undefined) consumer.apply(parse(line))
        })
        if (joinsAt >= batches.length) consumer.apply(parse(publication.snapshot()))
        const fresh = new Consumer()
        fresh.apply(parse(publication.snapshot()))
        const sorted = (map: Map<string, unknown>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1))
        expect(sorted(consumer.functions)).toEqual(sorted(fresh.functions))
        expect(sorted(consumer.endpoints)).toEqual(sorted(fresh.endpoints))
        expect(consumer.version).toBe(fresh.version)
      }),
    )
  })
})
