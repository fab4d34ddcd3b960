import { expect, test } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import { PodResync } from '../../../../controller/fleet/pod-resync.ts'
import { PodTable } from '../../../../controller/fleet/pod-table.ts'
import type { Cluster } from '../../../../kube/cluster.ts'
import { ClusterError } from '../../../../kube/errors.ts'
import type { Pod } from '../../../../kube/objects.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

/** A pod that this controller has made and no watch has shown. */
async function afterAMinute(get: () => Promise<{ metadata: { uid: string } } | undefined>) {
  const clock = new FakeClock()
  const table = new PodTable()
  const made = { uid: 'u', name: 'a', namespace: 'n', runtime: 'node', template: 't', label: 'generic' as const }
  table.add({ ...made, createdAtMs: clock.now() })
  const givenUp: string[] = []
  const parts = {
    removal: { giveUp: ({ name }: { name: string }) => givenUp.push(name) },
    labels: {},
    resize: { mend: () => undefined },
    inspector: { inspect: async () => undefined },
  }
  const resync = new PodResync({
    ...(parts as unknown as ConstructorParameters<typeof PodResync>[0]),
    ...{ clock, table, everyMs: 10_000, leadership: { leads: true, onLead: () => () => undefined } },
    pods: { get: (): Pod | undefined => undefined },
    cluster: { get } as unknown as Pick<Cluster, 'get'>,
  })
  resync.start()
  for (let passed = 0; passed < 60_000; passed += 10_000) {
    clock.advance(10_000)
    await turn()
  }
  resync.stop()
  return { givenUp, isKnown: table.get('u') !== undefined }
}

test('a pod that the watch has not shown for long is kept when the API has it: the watch is silent', async () => {
  expect(await afterAMinute(async () => ({ metadata: { uid: 'u' } }))).toEqual({ givenUp: [], isKnown: true })
})

test('a pod that the watch has not shown for long is kept while nobody can say whether it is there', async () => {
  const away = () => Promise.reject(new ClusterError('Unavailable', 'the API is away'))
  expect(await afterAMinute(away)).toEqual({ givenUp: [], isKnown: true })
})

test.each([
  ['the API does not have', undefined],
  ['another has taken the name of', { metadata: { uid: 'another' } }],
])('a pod that %s is given up', async (_what, pod) => {
  expect(await afterAMinute(async () => pod)).toEqual({ givenUp: ['a'], isKnown: false })
})
