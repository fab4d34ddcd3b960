/** What operators do to an API server, or have done to them: machines that go without a word, restored backups. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { setTimeout as delay } from 'node:timers/promises'
import { createClientNodeCluster, type ClientNodeCluster } from '../../../kube/client-node/client-node-cluster.ts'
import type { ClientNodeClusterOptions } from '../../../kube/client-node/client-node-cluster.ts'
import { isNotFound, isUnavailable } from '../../../kube/errors.ts'
import { LEASES, SECRETS } from '../../../kube/objects.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { newAuthority, type Authority } from '../../builders/certificates.ts'
import { until } from '../../builders/eventually.ts'
import { FakeApiServer } from '../../fakes/fake-api-server.ts'
import { refusal } from '../../conformance/cluster/writes.ts'

const REF = { namespace: 'n', name: 'a' }

describe('an API server in trouble', () => {
  let authority: Authority
  let server: FakeApiServer
  let cluster: ClientNodeCluster
  beforeAll(() => {
    authority = newAuthority('ca')
  })
  beforeEach(async () => {
    server = await FakeApiServer.start(authority)
    open()
  })
  afterEach(async () => {
    await cluster.close()
    await server.stop()
  })

  function open(options: Partial<ClientNodeClusterOptions> = {}): void {
    cluster = createClientNodeCluster({ access: server.access(), logger: silentLogger, ...options })
  }

  test.each<[string, () => Promise<unknown>]>([
    ['read', () => cluster.get(LEASES, REF)],
    ['written', () => cluster.patch(LEASES, REF, { spec: {} })],
    ['made', () => cluster.create(LEASES, { ...newLease, metadata: REF })],
  ])('a Lease is %s before it has run out, although kept connections have died without a word', async (_what, call) => {
    server.script = ({ path }) => (path.includes('/leases') ? { status: 404 } : undefined)
    const written = () => refusal(cluster.patch(LEASES, REF, { spec: {} }))
    while (!isNotFound(await written()));
    // Only then its connection is free for the next call.
    await delay(50)
    server.silenceConnections()
    const startedMs = performance.now()
    expect(isUnavailable(await refusal(call()))).toBe(true)
    // 6 s is what a Lease lasts.
    expect(performance.now() - startedMs).toBeLessThan(5_000)
    while (!isNotFound(await written()));
  })

  test('a call does not wait on connections that a call before has found to be dead', async () => {
    server.put('a')
    await Promise.all(Array.from({ length: 8 }, () => cluster.get(SECRETS, REF)))
    await delay(50)
    server.script = ({ path }) => (path.includes('/leases') ? { status: 404 } : undefined)
    while (!isNotFound(await refusal(cluster.patch(LEASES, REF, { spec: {} }))));
    await delay(50)
    server.silenceConnections()
    expect(isUnavailable(await refusal(cluster.get(LEASES, REF)))).toBe(true)
    const startedMs = performance.now()
    await cluster.get(SECRETS, REF)
    expect(performance.now() - startedMs).toBeLessThan(5_000)
  })

  test.each([
    ['503 Service Unavailable', '<html>\n<head><style>a {\n}</style></head><body><h1>503 Service</h1>\r\n Unavailable'],
    ['no available server', 'no available server\n'],
    ['the API server answered 503', ''],
  ])('what a load balancer says in place of the API server is told in a line: %s', async (want, body) => {
    server.script = () => ({ status: 503, headers: { 'content-type': 'text/html' }, text: body })
    expect(String(await refusal(cluster.get(SECRETS, REF)))).toBe(`ClusterError: get Secret n/a: ${want}`)
  })

  test('who is asked to wait longer than a Lease may is told of that, not that nobody answered', async () => {
    const busy = { kind: 'Status', code: 429, reason: 'TooManyRequests', message: 'too many requests' }
    server.script = () => ({ status: 429, headers: { 'retry-after': '1' }, body: busy })
    expect(String(await refusal(cluster.get(LEASES, REF)))).toContain('too many requests')
  })

  test('an etcd restored from a backup is followed, although it knows nothing of the version a watch goes on from', async () => {
    await cluster.close()
    open({ watchSilenceMs: 1_200, backoff: { firstMs: 20, longestMs: 100 } })
    server.put('stays')
    server.backUp()
    const cache = cluster.cache(SECRETS, { namespace: 'n' })
    const names = () => cache.list().map(({ metadata }) => metadata.name)
    await cache.synced
    await until(() => server.watches === 1)
    for (const name of ['lost', 'and', 'forgotten']) server.put(name)
    await until(() => names().length === 4)
    server.restore()
    await until(() => server.watches === 1)
    server.put('new')
    await until(() => names().sort().join() === 'new,stays')
    server.put('later')
    await until(() => names().includes('later'))
  })

  test('a watch from a version that the API server says it does not know yet is begun anew with a list', async () => {
    await cluster.close()
    open({ backoff: { firstMs: 20, longestMs: 100 } })
    const cache = cluster.cache(SECRETS, { namespace: 'n' })
    await cache.synced
    await until(() => server.watches === 1)
    server.script = ({ query }) => (query.get('watch') === 'true' ? tooLarge : undefined)
    server.cutConnections()
    await until(() => server.count('list') >= 2)
    server.script = () => undefined
    server.put('a')
    await until(() => cache.list().length === 1)
  })
})

/** NewTooLargeResourceVersionError of k8s.io/apiserver; without its Retry-After, which only costs the test a second. */
const tooLarge = {
  status: 504,
  body: {
    ...{ kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 504, reason: 'Timeout' },
    message: 'Timeout: Too large resource version: 500, current: 100',
    details: { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }] },
  },
}

const newLease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' as const }
