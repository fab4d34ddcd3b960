import { expect, test } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import { RivalWatch } from '../../../../controller/rivals/rival-watch.ts'
import type { Cluster } from '../../../../kube/cluster.ts'
import { ClusterError } from '../../../../kube/errors.ts'
import type { Lease } from '../../../../kube/objects.ts'
import { silentLogger } from '../../../../lib/logger.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const OWN = { namespace: 'two', name: 'dormouse-controller' }

function world() {
  const clock = new FakeClock()
  const told: (string | undefined)[] = []
  const api = { isAway: false, renewals: 0 }
  const list = async () => {
    if (api.isAway) throw new ClusterError('Unavailable', 'the API is away')
    return [lease('one', '2026-01-01T00:00:00Z', api.renewals)]
  }
  const cluster = { list } as unknown as Pick<Cluster, 'list'>
  const watch = new RivalWatch({ cluster, own: OWN, clock, logger: silentLogger, onRival: (rival) => told.push(rival) })
  const pass = async (ms: number, each: () => void = () => undefined) => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      each()
      clock.advance(1_000)
      await turn()
    }
  }
  return { api, watch, told, pass, renew: () => void (api.renewals += 1) }
}

const lease = (namespace: string, creationTimestamp: string, renewals: number): Lease => ({
  ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
  metadata: { namespace, name: OWN.name, uid: namespace, resourceVersion: `${renewals}`, creationTimestamp },
  spec: { holderIdentity: 'a', leaseDurationSeconds: 6, renewTime: `${renewals}` },
})

test('after an outage of the API, in which nobody could renew, the first installation has its time to do so', async () => {
  const { api, watch, told, pass, renew } = world()
  await watch.start()
  await pass(20_000, renew)
  // The last that is seen before is seen twice.
  await pass(4_000)
  api.isAway = true
  await pass(60_000)
  api.isAway = false
  // It is not the first to come through.
  await pass(5_000)
  expect(told).toEqual(['one'])
  await pass(60_000, renew)
  expect(told).toEqual(['one'])
  watch.stop()
})

test('one that is silent while the API answers is gone', async () => {
  const { watch, told, pass, renew } = world()
  await watch.start()
  await pass(20_000, renew)
  await pass(12_000)
  expect(told).toEqual(['one', undefined])
  watch.stop()
})
