/** What the informer of client-node gets wrong, each with its rule; a real API server ends, refuses and forgets at no one's command. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { setTimeout as delay } from 'node:timers/promises'
import { createClientNodeCluster, type ClientNodeCluster } from '../../../kube/client-node/client-node-cluster.ts'
import type { ClusterAccess } from '../../../kube/client-node/cluster-access.ts'
import type { Cache } from '../../../kube/cluster.ts'
import { SECRETS, type Secret } from '../../../kube/objects.ts'
import { createLogger, type LogRecord } from '../../../lib/logger.ts'
import { newAuthority, type Authority } from '../../builders/certificates.ts'
import { monotonicClock } from '../../../lib/clock.ts'
import { until } from '../../builders/eventually.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { FakeApiServer, type ScriptedAnswer, type SeenRequest } from '../../fakes/fake-api-server.ts'
import { story, watch } from '../../conformance/cluster/harness.ts'

const BACKOFF = { firstMs: 20, longestMs: 100 }
const gone = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' }
const isList = ({ query }: SeenRequest) => query.get('watch') === null
const isWatch = ({ query }: SeenRequest) => query.get('watch') === 'true'

describe('a watched cache', () => {
  let authority: Authority
  let server: FakeApiServer
  let cluster: ClientNodeCluster
  let records: LogRecord[]
  beforeAll(() => {
    authority = newAuthority('ca')
  })
  beforeEach(async () => {
    server = await FakeApiServer.start(authority)
    records = []
  })
  afterEach(async () => {
    await cluster.close()
    await server.stop()
  })

  function open({ access = server.access(), watchSilenceMs = 30_000, clock = monotonicClock } = {}): Cache<Secret> {
    const logger = createLogger({ sink: (record) => records.push(record) })
    cluster = createClientNodeCluster({ access, logger, backoff: BACKOFF, watchSilenceMs, clock })
    return cluster.cache(SECRETS, { namespace: 'n' })
  }

  async function openSynced(options: { access?: ClusterAccess; watchSilenceMs?: number } = {}): Promise<Cache<Secret>> {
    const cache = open(options)
    await cache.synced
    await until(() => server.watches === 1)
    return cache
  }

  const names = (cache: Cache<Secret>) =>
    cache
      .list()
      .map(({ metadata }) => metadata.name)
      .sort()

  test('goes on from where it was when the API server ends a watch, without a new list', async () => {
    const cache = await openSynced()
    for (const name of ['a', 'b', 'c']) {
      server.put(name)
      await until(() => names(cache).includes(name))
      await delay(1_010)
      server.endWatches()
      await until(() => server.watches === 1)
    }
    expect(server.count('list')).toBe(1)
    expect(server.requests.filter(isWatch).at(-1)?.query.get('resourceVersion')).toBe(server.version)
  })

  test.each([
    ['a connection that is cut', () => server.cutConnections()],
    [
      'an error in the stream',
      () => server.say('{"type":"ERROR","object":{"kind":"Status","code":500,"message":"x"}}\n'),
    ],
    ['a stream that is no JSON', () => server.say('<html>\n')],
  ])('survives %s, and misses nothing', async (_what, harm) => {
    const cache = await openSynced()
    for (const name of ['a', 'b', 'c', 'd']) {
      harm()
      server.put(name)
      await until(() => names(cache).includes(name))
      await until(() => server.watches === 1)
    }
    expect(names(cache)).toEqual(['a', 'b', 'c', 'd'])
  })

  test.each<[string, ScriptedAnswer]>([
    ['an internal error', { status: 500 }],
    ['no rights', { status: 403, body: { kind: 'Status', code: 403, reason: 'Forbidden', message: 'no' } }],
    ['a page of a proxy', { status: 502, body: '<html>' }],
  ])('is not synced by a list that fails with %s, but by the one that does not', async (_what, answer) => {
    server.put('a')
    server.script = (request) => (isList(request) ? answer : undefined)
    const cache = open()
    let isSynced = false
    void cache.synced.then(() => (isSynced = true))
    await until(() => server.count('list') >= 3)
    expect(isSynced).toBe(false)
    server.script = () => undefined
    await cache.synced
    expect(names(cache)).toEqual(['a'])
  })

  test.each<[string, ScriptedAnswer]>([
    ['in the stream', { status: 200, body: { type: 'ERROR', object: gone } }],
    ['as an answer', { status: 410, body: gone }],
  ])('lists anew when its place is too old, told %s, and tells of the differences only', async (_how, tooOld) => {
    for (const name of ['stays', 'changes', 'goes', 'again']) server.put(name)
    const cache = await openSynced()
    const { told } = watch(cache)
    await until(() => told.length === 4)
    told.length = 0
    server.script = (request) => (isWatch(request) ? 'silence' : undefined)
    server.cutConnections()
    await until(() => server.watches === 0)
    server.put('changes', { data: { k: 'dg==' } })
    server.remove('goes')
    server.remove('again')
    server.put('again')
    server.put('comes')
    server.script = (request) => (isWatch(request) && server.count('list') === 1 ? tooOld : undefined)
    server.cutConnections()
    const want = ['added again', 'added comes', 'deleted again', 'deleted goes', 'updated changes']
    await until(() => told.length >= want.length)
    expect(story(told).sort()).toEqual(want)
    expect(story(told).indexOf('deleted again')).toBeLessThan(story(told).indexOf('added again'))
    expect(server.count('list')).toBe(2)
  })

  test('follows a list that succeeds at once, however long it had waited for it', async () => {
    const clock = new FakeClock()
    server.script = () => ({ status: 500 })
    const cache = open({ clock })
    for (let lists = 1; lists <= 5; lists += 1) {
      await until(() => server.count('list') === lists && clock.pending > 0)
      if (lists === 5) server.script = () => undefined
      clock.advance(BACKOFF.longestMs)
    }
    await until(() => server.watches === 1)
    server.put('a')
    await until(() => names(cache).includes('a'))
  })

  /** At least 50 ms apart once the back-off has grown: fewer than 50 a second. */
  async function staysQuiet(): Promise<void> {
    const startedMs = performance.now()
    await delay(1_000)
    const count = server.requests.length
    expect(count).toBeLessThan((50 * (performance.now() - startedMs)) / 1_000)
  }

  test('does not storm an API server that refuses every watch at once', async () => {
    server.script = (request) => (isWatch(request) ? { status: 410, body: gone } : undefined)
    const cache = open()
    await cache.synced
    await staysQuiet()
    await until(() => server.requests.length > 5)
  })

  test('does not storm an API server that ends every watch at once', async () => {
    const cache = await openSynced()
    server.script = (request) => (isWatch(request) ? { status: 200, body: {} } : undefined)
    server.endWatches()
    await staysQuiet()
    expect(names(cache)).toEqual([])
  })

  test('logs a failure that lasts once, and says of what', async () => {
    server.script = () => ({ status: 500, body: { message: 'etcd is away' } })
    open()
    await until(() => server.requests.length > 4)
    expect(records.map(({ level, fields }) => [level, fields['kind']])).toEqual([['warn', 'secrets']])
    expect(String(records[0]?.fields['error'])).toContain('etcd is away')
  })

  test('stop really stops: no request follows, and no error is told', async () => {
    const cache = await openSynced()
    const { told } = watch(cache)
    cache.stop()
    await until(() => server.watches === 0)
    const before = server.requests.length
    server.put('a')
    await delay(300)
    expect([server.requests.length, told.length, records.length]).toEqual([before, 0, 0])
  })

  test('stop in the wait between two attempts stops, too', async () => {
    server.script = () => ({ status: 500 })
    const cache = open()
    await until(() => server.requests.length >= 2)
    cache.stop()
    await expect(cache.synced).rejects.toThrow('stopped')
    const before = server.requests.length
    await delay(300)
    expect(server.requests.length - before).toBeLessThanOrEqual(1)
  })

  test('survives credentials that fail for a while, without an unhandled rejection', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown) => void unhandled.push(error)
    process.on('unhandledRejection', note)
    let fails = false
    const usual = server.access()
    const credentials = () => (fails ? Promise.reject(new Error('the token file is gone')) : usual.credentials())
    const cache = await openSynced({ access: { ...usual, credentials } })
    fails = true
    server.cutConnections()
    await until(() => records.some(({ fields }) => String(fields['error']).includes('the token file is gone')))
    server.put('a')
    fails = false
    await until(() => names(cache).length === 1)
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })

  test('a bookmark moves its place: what is quiet does not grow too old', async () => {
    await openSynced()
    server.bookmark('5000')
    await delay(1_010)
    server.endWatches()
    await until(() => server.count('watch') === 2)
    const [first, second] = server.requests.filter(isWatch)
    expect(first?.query.get('allowWatchBookmarks')).toBe('true')
    expect(second?.query.get('resourceVersion')).toBe('5000')
  })

  test('a watch that says nothing for too long is opened anew', async () => {
    const cache = await openSynced({ watchSilenceMs: 1_200 })
    await until(() => server.count('watch') >= 2)
    expect(server.count('list')).toBe(1)
    server.put('a')
    await until(() => names(cache).length === 1)
  })

  test('puts events together that come in pieces, within a character, too', async () => {
    const cache = await openSynced()
    const object = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'a', namespace: 'n', uid: 'u', resourceVersion: '200', annotations: { who: 'Ä€🐭' } },
    }
    const bytes = Buffer.from(`${JSON.stringify({ type: 'ADDED', object })}\n`)
    for (const byte of bytes) {
      server.say(Uint8Array.of(byte))
      await new Promise(setImmediate)
    }
    await until(() => cache.get({ namespace: 'n', name: 'a' })?.metadata.annotations?.['who'] === 'Ä€🐭')
  })

  test('keeps plain JSON from lists and watches alike, without managedFields and last-applied-configuration', async () => {
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}' }
    server.put('listed', {}, { annotations })
    const cache = await openSynced()
    server.put('watched', {}, { annotations: { ...annotations, mine: 'x' } })
    await until(() => cache.list().length === 2)
    const [listed, watched] = ['listed', 'watched'].map((name) => cache.get({ namespace: 'n', name }))
    const common = { namespace: 'n', creationTimestamp: '2026-01-01T00:00:00Z' }
    expect(listed).toEqual({
      ...{ apiVersion: 'v1', kind: 'Secret' },
      metadata: { name: 'listed', ...common, uid: expect.any(String), resourceVersion: '101' },
    })
    expect(watched?.metadata).toMatchObject({ ...common, annotations: { mine: 'x' } })
    expect(Object.keys(watched?.metadata.annotations ?? {})).toEqual(['mine'])
    expect(watched?.metadata).not.toHaveProperty('managedFields')
  })

  test('what it holds cannot be changed by who is handed it', async () => {
    server.put('a', { data: { k: 'dg==' } })
    const cache = await openSynced()
    const secret = cache.get({ namespace: 'n', name: 'a' })
    expect(() => Object.assign(secret?.data ?? {}, { k: 'spoilt' })).toThrow(TypeError)
  })

  test('comes back by itself after the API server was away, with what has happened meanwhile', async () => {
    server.put('a')
    const cache = await openSynced()
    const { told } = watch(cache)
    await until(() => told.length === 1)
    await server.stop()
    await delay(300)
    expect(names(cache)).toEqual(['a'])
    server.put('b')
    await server.listen()
    await until(() => names(cache).length === 2)
    expect(story(told)).toEqual(['added a', 'added b'])
  })
})
