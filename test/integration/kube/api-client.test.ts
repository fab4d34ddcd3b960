/** What client-node's typed client gets wrong or leaves open, over real TLS. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createClientNodeCluster, type ClientNodeCluster } from '../../../kube/client-node/client-node-cluster.ts'
import type { ClientNodeClusterOptions } from '../../../kube/client-node/client-node-cluster.ts'
import { ClusterError, isUnavailable, type ClusterErrorCode } from '../../../kube/errors.ts'
import { LEASES, PODS, SECRETS } from '../../../kube/objects.ts'
import { createLogger, type LogRecord } from '../../../lib/logger.ts'
import { newAuthority, type Authority } from '../../builders/certificates.ts'
import { newSecret } from '../../builders/kube-objects.ts'
import { FakeApiServer, type ScriptedAnswer } from '../../fakes/fake-api-server.ts'
import { refusal } from '../../conformance/cluster/writes.ts'

const REF = { namespace: 'n', name: 'a' }

describe('the client-node cluster', () => {
  let authority: Authority
  let server: FakeApiServer
  let cluster: ClientNodeCluster
  let records: LogRecord[]
  beforeAll(() => {
    authority = newAuthority('ca')
  })
  beforeEach(async () => {
    records = []
    server = await FakeApiServer.start(authority)
    server.put('a')
    open()
  })
  afterEach(async () => {
    await cluster.close()
    await server.stop()
  })

  function open(options: Partial<ClientNodeClusterOptions> = {}): void {
    const logger = createLogger({ sink: (record) => records.push(record) })
    cluster = createClientNodeCluster({ access: server.access(), logger, component: 'a-test', ...options })
  }

  async function reopen(options: Partial<ClientNodeClusterOptions>): Promise<void> {
    await cluster.close()
    open(options)
  }

  const status = (code: number, fields: object = {}, headers = {}): ScriptedAnswer => ({
    status: code,
    body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message: `refused with ${code}`, ...fields },
    headers,
  })

  /** The given answers one after the other, then the usual ones. */
  function answer(...answers: (ScriptedAnswer | 'reset')[]): void {
    server.script = () => answers.shift()
  }

  test('makes its calls over a few connections that it keeps', async () => {
    for (let calls = 0; calls < 200; calls += 1) await cluster.get(SECRETS, REF)
    expect(server.connections).toBeLessThanOrEqual(2)
    await Promise.all(Array.from({ length: 100 }, () => cluster.get(SECRETS, REF)))
    expect(server.connections).toBeLessThanOrEqual(32)
  })

  test('watches do not take the connections of calls', async () => {
    const caches = Array.from({ length: 40 }, () => cluster.cache(SECRETS, { namespace: 'n' }))
    await Promise.all(caches.map(({ synced }) => synced))
    await cluster.get(SECRETS, REF)
    expect(server.requests.at(-1)?.path).toBe('/api/v1/namespaces/n/secrets/a')
  })

  test('a Lease does not wait behind other calls, however many there are', async () => {
    await reopen({ timeoutMs: 20_000 })
    server.script = ({ path }) => (path.includes('/secrets') ? 'silence' : { status: 404 })
    const stuck = Array.from({ length: 100 }, () => cluster.get(SECRETS, REF).catch(() => undefined))
    const first = await Promise.race([Promise.all(stuck), cluster.get(LEASES, REF).then(() => 'the Lease')])
    expect(first).toBe('the Lease')
    await cluster.close()
    await Promise.all(stuck)
  })

  test('follows a CA and a client certificate that change, without a restart', async () => {
    const next = newAuthority('next')
    let used = authority
    const access = server.access()
    const credentials = async () => ({ headers: {}, tls: { ca: used.ca, ...used.client } })
    await reopen({ access: { ...access, credentials } })
    await cluster.get(SECRETS, REF)
    server.rotate(next)
    expect(isUnavailable(await refusal(cluster.get(SECRETS, REF)))).toBe(true)
    used = next
    await cluster.get(SECRETS, REF)
    expect(server.requests.map(({ clientName }) => clientName)).toEqual(['client', 'client'])
  })

  test('refuses an API server that the CA has not signed', async () => {
    const access = server.access()
    const credentials = async () => ({ headers: {}, tls: { ca: newAuthority('other').ca } })
    await reopen({ access: { ...access, credentials } })
    expect(isUnavailable(await refusal(cluster.get(SECRETS, REF)))).toBe(true)
    expect(server.requests).toEqual([])
  })

  test('always says what kind of patch it sends, who it is, and as whom it owns', async () => {
    await cluster.patch(SECRETS, REF, { data: {} }, { resourceVersion: '7' })
    await cluster.patchStatus(PODS, REF, { phase: 'Failed' })
    await cluster.patchSubresource(PODS, REF, 'resize', { spec: { containers: [] } })
    await cluster.apply(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata: REF })
    await cluster.create(SECRETS, newSecret(REF))
    const seen = server.requests.map(({ method, path, query, headers }) => [
      ...[method, path.replace('/api/v1/namespaces/n/', ''), headers['content-type'], query.toString()],
    ])
    expect(seen).toEqual([
      ['PATCH', 'secrets/a', 'application/merge-patch+json', ''],
      ['PATCH', 'pods/a/status', 'application/merge-patch+json', ''],
      ['PATCH', 'pods/a/resize', 'application/strategic-merge-patch+json', ''],
      ['PATCH', 'secrets/a', 'application/apply-patch+yaml', 'fieldManager=dormouse&force=true'],
      ['POST', 'secrets', 'application/json', ''],
    ])
    expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({ data: {}, metadata: { resourceVersion: '7' } })
    for (const { headers } of server.requests) expect(headers['user-agent']).toBe('a-test')
  })

  test('finds kinds of groups and of the core', async () => {
    server.script = () => ({ status: 404 })
    await cluster.get(LEASES, REF)
    expect(server.requests[0]?.path).toBe('/apis/coordination.k8s.io/v1/namespaces/n/leases/a')
  })

  test.each<[number, object, ClusterErrorCode]>([
    [400, { reason: 'BadRequest' }, 'Invalid'],
    [403, { reason: 'Forbidden' }, 'Forbidden'],
    [404, { reason: 'NotFound' }, 'NotFound'],
    [409, { reason: 'AlreadyExists' }, 'AlreadyExists'],
    [409, { reason: 'Conflict' }, 'Conflict'],
    [413, {}, 'Invalid'],
    [422, { reason: 'Invalid' }, 'Invalid'],
    [422, { reason: 'Invalid', details: { causes: [{ field: 'metadata.uid' }] } }, 'Conflict'],
    [500, { reason: 'InternalError' }, 'Unavailable'],
    [503, {}, 'Unavailable'],
    [504, { reason: 'Timeout' }, 'Unavailable'],
  ])('%i %p is %s', async (code, fields, want) => {
    server.script = () => status(code, fields)
    const error = await refusal(cluster.patch(SECRETS, REF, {}))
    expect(error).toBeInstanceOf(ClusterError)
    expect((error as ClusterError).code).toBe(want)
    expect((error as Error).message).toBe(`patch Secret n/a: refused with ${code}`)
  })

  test('what a proxy answers is not taken for an object', async () => {
    server.script = () => ({ status: 200, body: '<html>' })
    expect(isUnavailable(await refusal(cluster.get(SECRETS, REF)))).toBe(true)
  })

  test('an API server that is not there is Unavailable, and the message says why', async () => {
    await server.stop()
    const error = await refusal(cluster.get(SECRETS, REF))
    expect(isUnavailable(error)).toBe(true)
    expect(String(error)).toContain('ECONNREFUSED')
    await server.listen()
    await cluster.get(SECRETS, REF)
  })

  test('a call that is not answered ends', async () => {
    await reopen({ timeoutMs: 200 })
    server.script = () => 'silence'
    const error = await refusal(cluster.create(SECRETS, newSecret(REF)))
    expect(isUnavailable(error)).toBe(true)
    expect(String(error)).toContain('no answer within 200 ms')
  })

  test('asks a busy API server again when it says when, and not for ever', async () => {
    const busy = status(429, { reason: 'TooManyRequests' }, { 'retry-after': '0' })
    answer(busy, busy)
    await cluster.create(SECRETS, newSecret(REF))
    expect(server.requests).toHaveLength(3)
    server.script = () => busy
    expect(isUnavailable(await refusal(cluster.create(SECRETS, newSecret(REF))))).toBe(true)
    expect(server.requests.length).toBeLessThanOrEqual(8)
  })

  test('waits as long as it is told to, but leaves long waits to the caller', async () => {
    answer(status(429, {}, { 'retry-after': '1' }))
    const startedMs = performance.now()
    await cluster.get(SECRETS, REF)
    expect(performance.now() - startedMs).toBeGreaterThan(990)
    answer(status(429, {}, { 'retry-after': '60' }))
    expect(isUnavailable(await refusal(cluster.get(SECRETS, REF)))).toBe(true)
  })

  test('does not repeat what it was not told to', async () => {
    server.script = () => status(503)
    await refusal(cluster.create(SECRETS, newSecret(REF)))
    expect(server.requests).toHaveLength(1)
  })

  test('reads again over a new connection when a kept one was closed, and never writes twice', async () => {
    answer('reset')
    await cluster.get(SECRETS, REF)
    expect(server.requests).toHaveLength(2)
    answer('reset')
    expect(isUnavailable(await refusal(cluster.create(SECRETS, newSecret(REF))))).toBe(true)
    expect(server.requests).toHaveLength(3)
  })

  test('reads its credentials anew when the API server does not know it, once', async () => {
    let refreshed = 0
    const access = server.access({ headers: { authorization: 'Bearer x' }, refresh: () => (refreshed += 1) })
    await reopen({ access })
    answer(status(401))
    await cluster.create(SECRETS, newSecret(REF))
    expect([refreshed, server.requests.length]).toEqual([1, 2])
    server.script = () => status(401)
    expect(((await refusal(cluster.get(SECRETS, REF))) as ClusterError).code).toBe('Unauthorized')
    expect([refreshed, server.requests.length]).toEqual([2, 4])
  })

  test('logs each warning of the API server once', async () => {
    server.script = ({ path }) => ({
      ...{ status: 200, body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } } },
      headers: { warning: `299 - "${path.endsWith('a') ? 'old \\"field\\"' : 'other'}"` },
    })
    for (const name of ['a', 'a', 'b']) await cluster.get(SECRETS, { namespace: 'n', name })
    expect(records.map(({ level, fields }) => [level, fields['warning']])).toEqual([
      ['warn', 'old "field"'],
      ['warn', 'other'],
    ])
  })

  test('lists page by page, and all at once when the pages have run out of date', async () => {
    const page = (names: string[], next = '') => ({
      status: 200,
      body: {
        metadata: { resourceVersion: '7', continue: next },
        items: names.map((name) => ({ metadata: { name, namespace: 'n', managedFields: [] } })),
      },
    })
    answer(page(['a', 'b'], 'more'), page(['c']))
    expect((await cluster.list(SECRETS)).map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c'])
    expect(server.requests.at(-1)?.query.get('continue')).toBe('more')
    answer(page(['a', 'b'], 'more'), status(410, { reason: 'Expired' }), page(['a', 'b', 'c']))
    const again = await cluster.list(SECRETS)
    expect(again.map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c'])
    expect(again[0]).toEqual({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'n' } })
  })

  test('tells how calls went', async () => {
    const told: [string, number][] = []
    await reopen({ metrics: { answered: (verb, code) => void told.push([verb, code]) } })
    await cluster.get(SECRETS, REF)
    server.script = () => status(409)
    await refusal(cluster.create(SECRETS, newSecret(REF)))
    server.script = () => 'reset'
    await refusal(cluster.create(SECRETS, newSecret(REF)))
    expect(told).toEqual([
      ['get', 200],
      ['create', 409],
      ['create', 0],
    ])
  })

  test('an Event that cannot be recorded is logged, once for one reason, and never thrown', async () => {
    server.script = () => status(403, { reason: 'Forbidden' })
    const regarding = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'n', uid: 'u' } } as never
    for (const message of ['one', 'two']) {
      await cluster.recordEvent({ regarding, type: 'Normal', reason: 'Woke', message })
    }
    expect(records.filter(({ level }) => level === 'warn')).toHaveLength(1)
  })
})
