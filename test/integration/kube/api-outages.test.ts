/** What operators do to an API server, or have done to them: machines that go without a word, restored backups. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { setTimeout as delay } from 'node:timers/promises'
import { createClientNodeCluster, type ClientNodeCluster } from '../../../kube/client-node/client-node-cluster.ts'
import type { ClientNodeClusterOptions } from '../../../kube/client-node/client-node-cluster.ts'
import { isNotFound, isUnavailable } from '../../../kube/errors.ts'
import { LEASES } from '../../../kube/objects.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { newAuthority, type Authority } from '../../builders/certificates.ts'
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
    expect(await cluster.get(LEASES, REF)).toBeUndefined()
    // Only then its connection is free for the next call.
    await delay(50)
    server.silenceConnections()
    const startedMs = performance.now()
    expect(isUnavailable(await refusal(call()))).toBe(true)
    // 6 s is what a Lease lasts, 1 s passes between attempts.
    expect(performance.now() - startedMs).toBeLessThan(4_000)
    expect(isNotFound(await refusal(cluster.patch(LEASES, REF, { spec: {} })))).toBe(true)
  })
})

const newLease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' as const }
