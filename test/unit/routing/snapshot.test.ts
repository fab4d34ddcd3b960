import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { FeedEndpoint, FeedFunction, FeedMessage } from '../../../api/protocol.ts'
import type { ObjectKey } from '../../../api/names.ts'
import { FeedOrderError, SnapshotStore } from '../../../routing/snapshot.ts'
import { feedEndpoint, feedFunction, feedRoute, feedSubscription } from '../../builders/feed.ts'

type Change = Extract<FeedMessage, { type: 'change' }>
type Full = Extract<FeedMessage, { type: 'snapshot' }>
const full = (part: Partial<Full> = {}): Full => ({
  type: 'snapshot',
  epoch: 'e1',
  version: 1,
  functions: [],
  routes: [],
  subscriptions: [],
  endpoints: [],
  ...part,
})
const change = (version: number, part: Partial<Change> = {}): Change => ({
  type: 'change',
  version,
  functions: [],
  removedFunctions: [],
  endpoints: [],
  removedEndpoints: [],
  ...part,
})
const named = (n: number) => feedFunction({ key: `default/f${n}` })

test('a change touches only what it names; the snapshot before stays as it was', () => {
  const store = new SnapshotStore()
  store.replace(full({ functions: Array.from({ length: 1_000 }, (_, n) => named(n)), routes: [feedRoute()] }))
  const before = store.snapshot
  const { snapshot, changed } = store.change(
    change(2, { endpoints: [feedEndpoint({ id: 'p', function: 'default/f7' })] }),
  )
  expect([...changed]).toEqual(['default/f7'])
  expect(before.functions.get('default/f7')?.endpoints).toEqual([])
  expect(snapshot.functions.get('default/f7')?.endpoints.map(({ id }) => id)).toEqual(['p'])
  expect(snapshot.routes).toBe(before.routes)
  for (const [key, entry] of before.functions) if (key !== 'default/f7') expect(snapshot.functions.get(key)).toBe(entry)
})

test('subscriptions are replaced whole when a change has them, and are the same list when it has none', () => {
  const store = new SnapshotStore()
  store.replace(full({ subscriptions: [feedSubscription()], routes: [feedRoute()] }))
  const before = store.snapshot
  const { snapshot: same } = store.change(change(2, { routes: [] }))
  expect(same.subscriptions).toBe(before.subscriptions)
  const { snapshot, changed } = store.change(change(3, { subscriptions: [] }))
  expect(snapshot.subscriptions).toEqual([])
  expect(before.subscriptions).toHaveLength(1)
  expect(changed.size).toBe(0)
})

test('1,000 changes to 1,000 functions take well under a second', () => {
  const tookMs = () => {
    const store = new SnapshotStore()
    store.replace(full({ functions: Array.from({ length: 1_000 }, (_, n) => named(n)) }))
    const startedAt = performance.now()
    for (let n = 0; n < 1_000; n++) store.change(change(n + 2, { functions: [named(n)] }))
    return performance.now() - startedAt
  }
  // The quickest of some: what else runs on the machine makes single ones slow.
  expect(Math.min(tookMs(), tookMs(), tookMs())).toBeLessThan(900)
})

test('a change before any snapshot, or one that goes back, is refused', () => {
  const store = new SnapshotStore()
  expect(() => store.change(change(1))).toThrow(FeedOrderError)
  store.replace(full({ version: 5 }))
  expect(() => store.change(change(5))).toThrow('expected a version above 5, got 5')
})

test('a new snapshot names everything that is or was', () => {
  const store = new SnapshotStore()
  store.replace(full({ functions: [named(1), named(2)] }))
  const { changed, snapshot } = store.replace(full({ epoch: 'e2', functions: [named(2), named(3)] }))
  expect([...changed].sort()).toEqual(['default/f1', 'default/f2', 'default/f3'])
  expect([...snapshot.functions.keys()]).toEqual(['default/f2', 'default/f3'])
})

test('an endpoint that comes before its function is shown once the function does', () => {
  const store = new SnapshotStore()
  store.replace(full())
  store.change(change(2, { endpoints: [feedEndpoint({ id: 'p' })] }))
  const { snapshot } = store.change(change(3, { functions: [feedFunction()] }))
  expect(snapshot.functions.get('default/hello')?.endpoints.map(({ id }) => id)).toEqual(['p'])
})

test('property: changes one by one end where one snapshot of the result would', () => {
  const keys: ObjectKey[] = ['default/a', 'default/b', 'default/c']
  const step = fc.record({
    kind: fc.constantFrom('fn' as const, 'removeFn', 'endpoint', 'removeEndpoint'),
    key: fc.constantFrom(...keys),
    id: fc.constantFrom('p1', 'p2', 'p3', 'p4'),
    revision: fc.constantFrom('r1', 'r2'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const store = new SnapshotStore()
      store.replace(full())
      const functions = new Map<ObjectKey, FeedFunction>()
      const endpoints = new Map<string, FeedEndpoint>()
      for (const [n, { kind, key, id, revision }] of steps.entries()) {
        const fn = feedFunction({ key, revision })
        const endpoint = feedEndpoint({ id, function: key, revision })
        const known = functions.has(key)
        const actions = {
          fn: () => (functions.set(key, fn), { functions: [fn] }),
          removeFn: () => {
            functions.delete(key)
            for (const [other, { function: of }] of endpoints) if (of === key) endpoints.delete(other)
            return { removedFunctions: [key] }
          },
          // A controller names no endpoints of functions it has not named.
          endpoint: () => (known ? (endpoints.set(id, endpoint), { endpoints: [endpoint] }) : {}),
          removeEndpoint: () => (endpoints.delete(id), { removedEndpoints: [id] }),
        }
        store.change(change(n + 2, actions[kind]()))
      }
      const wanted = new SnapshotStore()
      wanted.replace(full({ functions: [...functions.values()], endpoints: [...endpoints.values()] }))
      const shape = ({ snapshot }: SnapshotStore) =>
        [...snapshot.functions.values()]
          .map(({ fn, endpoints: of }) => [fn.key, fn.revision, of.map((e) => `${e.id}@${e.revision}`).sort()] as const)
          .sort(([a], [b]) => a.localeCompare(b))
      expect(shape(store)).toEqual(shape(wanted))
    }),
  )
})
