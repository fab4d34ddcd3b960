/** When code is got, and when it is tried again. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { admit } from '../../../../api/validate.ts'
import type { DormouseFunction } from '../../../../api/function.ts'
import { FUNCTIONS } from '../../../../api/kinds.ts'
import { createCodeBook } from '../../../../controller/code/code-book.ts'
import { createCodeController, type CodeController } from '../../../../controller/code/code-controller.ts'
import { CodeStore } from '../../../../controller/code/code-store.ts'
import { CodeError } from '../../../../controller/code/packed-code.ts'
import type { Cluster } from '../../../../kube/cluster.ts'
import { ClusterError } from '../../../../kube/errors.ts'
import { createMemoryCluster, type MemoryCluster } from '../../../../kube/memory/memory-cluster.ts'
import { CONFIG_MAP_METADATA, CONFIG_MAPS, CONTROLLER_REVISIONS } from '../../../../kube/objects.ts'
import { silentLogger } from '../../../../lib/logger.ts'
import { sha256Of, zip } from '../../../builders/archives.ts'
import { until } from '../../../builders/eventually.ts'
import { functionManifest } from '../../../builders/manifests.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const KEY = 'default/web'
const ARCHIVE = zip([{ name: 'index.mjs', content: 'export const handler = () => 1' }])
const URL = 'https://example.com/a.zip'
const PATIENCE_MS = 4_000

let cluster: MemoryCluster
let controller: CodeController
const clock = new FakeClock()
const book = createCodeBook()
let watched: string[] = []
let fetched: string[] = []
let come: (url: string, signal: AbortSignal) => Promise<Buffer> = async () => ARCHIVE
let isAway = false
let reads = 0

beforeEach(async () => {
  cluster = createMemoryCluster({ admit })
  ;[watched, fetched, isAway, reads] = [[], [], false, 0]
  come = async () => ARCHIVE
  book.set(KEY, undefined)
  const functions = cluster.cache(FUNCTIONS)
  await functions.synced
  const watching: Pick<Cluster, 'get' | 'cache'> = {
    cache: (kind, options) => {
      watched.push(kind === CONFIG_MAP_METADATA ? 'metadata' : kind.plural)
      return cluster.cache(kind, options)
    },
    get: async (kind, ref) => {
      if (isAway) throw new ClusterError('Unavailable', 'the API is away')
      if (kind === CONFIG_MAPS) reads += 1
      return cluster.get(kind, ref)
    },
  }
  controller = createCodeController({
    cluster: watching,
    functions,
    book,
    store: new CodeStore({ cluster }),
    fetcher: {
      fetch: ({ url }, signal) => {
        fetched.push(url)
        return come(url, signal)
      },
      close: async () => undefined,
    },
    readsConfigMaps: true,
    missingConfigMap: 'it does not exist',
    clock,
    logger: silentLogger,
  })
  controller.start()
})
afterEach(() => controller.stop())

const settle = async () => {
  for (let turn = 0; turn < 20; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    await cluster.settled()
  }
}
/** Packing and unpacking run in other threads, whose time no count of turns tells. */
const stateOf = async (kind: string) => {
  const untilMs = performance.now() + PATIENCE_MS
  while (book.get(KEY)?.state.kind !== kind && performance.now() < untilMs)
    await new Promise((resolve) => setImmediate(resolve))
  return book.get(KEY)?.state
}
const create = (code: object) =>
  cluster.create(FUNCTIONS, functionManifest({ code }, { name: 'web' }) as unknown as DormouseFunction)
const createConfigMap = (text: string) =>
  cluster.create(CONFIG_MAPS, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'c' },
    data: { 'index.mjs': text },
  })

test('Functions that have their code in them cost nothing: no watch, no read, no entry', async () => {
  await create({ inline: { 'index.mjs': 'x' } })
  await settle()
  expect([watched, reads, book.get(KEY)]).toEqual([[], 0, undefined])
})

test('a ConfigMap is read when it changes, of all others only that they are there is watched', async () => {
  await createConfigMap('one')
  await create({ configMap: { name: 'c' } })
  expect(await stateOf('ready')).toEqual({ kind: 'ready', code: { kind: 'inline', files: { 'index.mjs': 'one' } } })
  expect(watched).toEqual(['metadata'])
  await settle()
  const before = reads
  await cluster.create(CONFIG_MAPS, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'other' },
    data: { a: '' },
  })
  await settle()
  expect(reads).toBe(before)

  await cluster.patch(CONFIG_MAPS, { name: 'c' }, { data: { 'index.mjs': 'two' } })
  await settle()
  expect(book.get(KEY)?.state).toEqual({ kind: 'ready', code: { kind: 'inline', files: { 'index.mjs': 'two' } } })
})

test('a ConfigMap that goes is missed at once, and taken again when it comes back', async () => {
  await createConfigMap('one')
  await create({ configMap: { name: 'c' } })
  await stateOf('ready')
  await cluster.delete(CONFIG_MAPS, { name: 'c' })
  expect(await stateOf('unavailable')).toEqual({ kind: 'unavailable', message: 'ConfigMap "c": it does not exist' })
  await createConfigMap('one')
  expect(await stateOf('ready')).toMatchObject({ code: { files: { 'index.mjs': 'one' } } })
})

test('an API that is away takes nothing from what is known', async () => {
  await createConfigMap('one')
  await create({ configMap: { name: 'c' } })
  await stateOf('ready')
  isAway = true
  await cluster.patch(CONFIG_MAPS, { name: 'c' }, { data: { 'index.mjs': 'two' } })
  await settle()
  expect(book.get(KEY)?.state.kind).toBe('ready')
  isAway = false
  clock.advance(1_000)
  await settle()
  expect(book.get(KEY)?.state).toMatchObject({ code: { files: { 'index.mjs': 'two' } } })
})

test('an archive is fetched once and stored; who starts afresh does not fetch it again', async () => {
  await create({ archive: { url: URL, sha256: sha256Of(ARCHIVE) } })
  expect(await stateOf('ready')).toEqual({ kind: 'ready', code: { kind: 'stored', digest: sha256Of(ARCHIVE) } })
  expect(await cluster.list(CONTROLLER_REVISIONS)).toHaveLength(1)
  book.set(KEY, undefined)
  await cluster.patch(FUNCTIONS, { name: 'web' }, { spec: { code: { archive: { url: `${URL}?2` } } } })
  await stateOf('ready')
  expect(fetched).toEqual([URL])
})

test('what cannot be fetched is tried again with growing waits, and at once when the Function changes', async () => {
  come = async () => Promise.reject(new CodeError('no'))
  await create({ archive: { url: URL, sha256: sha256Of(ARCHIVE) } })
  expect(await stateOf('unavailable')).toEqual({
    kind: 'unavailable',
    message: 'The archive at https://example.com/a.zip: no',
  })
  for (const [waitMs, want] of [
    [999, 1],
    [1, 2],
    [1_999, 2],
    [1, 3],
  ] as const) {
    clock.advance(waitMs)
    await settle()
    expect(fetched).toHaveLength(want)
  }
  come = async () => ARCHIVE
  await cluster.patch(FUNCTIONS, { name: 'web' }, { spec: { code: { archive: { url: `${URL}?2` } } } })
  expect((await stateOf('ready'))?.kind).toBe('ready')
})

test('a Function that goes, or has its code in itself again, is forgotten', async () => {
  await createConfigMap('one')
  await create({ configMap: { name: 'c' } })
  await stateOf('ready')
  await cluster.patch(FUNCTIONS, { name: 'web' }, { spec: { code: { configMap: null, inline: { 'index.mjs': 'x' } } } })
  await settle()
  expect(book.get(KEY)).toBeUndefined()
})

describe('while a host stalls', () => {
  const archive = { url: URL, sha256: sha256Of(ARCHIVE) }
  const untilStopped: typeof come = (_url, signal) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  const createAt = (name: string, code: object) =>
    cluster.create(FUNCTIONS, functionManifest({ code }, { name }) as unknown as DormouseFunction)

  test('code in ConfigMaps is had at once', async () => {
    come = untilStopped
    for (const name of ['a', 'b', 'c', 'd']) await createAt(name, { archive })
    await settle()
    expect(fetched).toHaveLength(3)
    await createConfigMap('one')
    await create({ configMap: { name: 'c' } })
    await settle()
    expect(book.get(KEY)?.state).toMatchObject({ kind: 'ready', code: { files: { 'index.mjs': 'one' } } })
  })

  test.each([
    { outcome: 'comes', stored: 1, end: (late: PromiseWithResolvers<Buffer>) => late.resolve(ARCHIVE) },
    { outcome: 'fails', stored: 0, end: (late: PromiseWithResolvers<Buffer>) => late.reject(new CodeError('no')) },
  ])(
    'a Function may turn to a ConfigMap: that its archive $outcome at last changes nothing',
    async ({ end, stored }) => {
      const late = Promise.withResolvers<Buffer>()
      come = () => late.promise
      await create({ archive })
      await createConfigMap('one')
      await settle()
      const code = { archive: null, configMap: { name: 'c' } }
      await cluster.patch(FUNCTIONS, { name: 'web' }, { spec: { code } })
      await settle()
      const want = { kind: 'ready', code: { kind: 'inline', files: { 'index.mjs': 'one' } } }
      expect(book.get(KEY)?.state).toEqual(want)
      const told: unknown[] = []
      const stop = book.onChange((key) => told.push(book.get(key)))
      end(late)
      await until(async () => (await cluster.list(CONTROLLER_REVISIONS)).length === stored)
      await settle()
      clock.advance(2_000)
      await settle()
      stop()
      expect(told).toEqual([])
      expect(book.get(KEY)?.state).toEqual(want)
    },
  )

  test('a Function that goes is forgotten at once', async () => {
    come = untilStopped
    for (const name of ['a', 'b', 'c']) await createAt(name, { archive })
    await settle()
    book.set(KEY, { uid: 'u', source: 'archive', state: { kind: 'pending', message: '' } })
    await create({ archive })
    await cluster.delete(FUNCTIONS, { name: 'web' })
    await settle()
    expect(book.get(KEY)).toBeUndefined()
  })
})
