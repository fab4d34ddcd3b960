import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect, jest } from '@jest/globals'
import type { Pod } from '../../../kube/objects.ts'
import { scenario, useBed } from '../bed.ts'
import { json } from '../call.ts'
import { describeOnCluster } from '../environment.ts'
import { fell, leader, mend, partPods, scalePart } from '../installation.ts'
import { startLoad } from '../load.ts'
import { functionOf, saying } from '../manifests.ts'

jest.setTimeout(600_000)
const AWAY_MS = 30_000

describeOnCluster(
  'while Kubernetes itself is away',
  () => {
    const bed = useBed('away')
    afterAll(mend, 240_000)

    const warmLoad = async () => {
      await bed.deploy(functionOf('warm', saying('warm'), { concurrency: 4, scaling: { min: 1 } }))
      await bed.call('warm')
      await bed.eventually(
        'the pool waits',
        async () => {
          const pods = await bed.list<Pod>('pods', 'dormouse.dev/state=generic')
          return pods.filter(({ status }) => isReady(status)).length >= 2
        },
        90_000,
      )
      const load = startLoad(() => bed.call('warm'), { workers: 2, pauseMs: 20 })
      await load.more(20)
      return load
    }

    /** What a crash would change. */
    const controllers = async () => {
      const pods = await partPods('controller')
      return pods.map(({ metadata, status }) => `${metadata.name} ${JSON.stringify(restarts(status))}`).sort()
    }

    const whileApiIsAway = async (tag: string) => {
      const pooled = `pooled-${tag}`
      await bed.deploy(functionOf(pooled, saying(pooled)))
      const load = await warmLoad()
      const before = await controllers()
      await fell('kube-apiserver')
      try {
        const woken = await bed.call(pooled)
        expect([woken.status, json(woken)['says']]).toEqual([200, pooled])
        await delay(AWAY_MS)
        expect((await bed.call(pooled)).status).toBe(200)
        await load.more(20)
      } finally {
        await mend()
      }
      await bed.eventually(
        'a new function is served',
        async () => {
          await bed.deploy(functionOf(`after-${tag}`, saying('after')))
          return (await bed.call(`after-${tag}`)).status === 200
        },
        120_000,
      )
      expect((await bed.call(pooled)).status).toBe(200)
      await bed.eventually(
        'the pod that was woken meanwhile has its labels',
        async () => (await bed.pods(pooled)).length === 1,
      )
      await load.end()
      expect(load.failures).toEqual([])
      return { before, after: await controllers() }
    }

    const AWAY = `its API server for ${AWAY_MS / 1000} s`
    scenario(bed, `${AWAY}: warm functions serve, pooled ones wake, and everything catches up`, async () => {
      await whileApiIsAway('two')
    })

    scenario(bed, `${AWAY}, with one controller: the same, and it does not end`, async () => {
      await scalePart('controller', 1)
      await bed.eventually('one is left', async () => (await partPods('controller')).length === 1, 60_000)
      await bed.eventually(
        'it leads',
        async () => (await partPods('controller'))[0]?.metadata.name === (await leader()),
        60_000,
      )
      try {
        const { before, after } = await whileApiIsAway('one')
        expect(after).toEqual(before)
      } finally {
        await scalePart('controller', 2)
      }
    })

    scenario(bed, 'its etcd, started again: warm functions serve, and everything catches up', async () => {
      const load = await warmLoad()
      await fell('etcd')
      try {
        await load.more(100)
      } finally {
        await mend()
      }
      await bed.eventually(
        'a new function is served',
        async () => {
          await bed.deploy(functionOf('later', saying('later')))
          return (await bed.call('later')).status === 200
        },
        180_000,
      )
      await load.end()
      expect(load.failures).toEqual([])
    })
  },
  { local: true },
)

function restarts(status: Pod['status']): number[] {
  const { containerStatuses = [] } = (status ?? {}) as { containerStatuses?: { restartCount: number }[] }
  return containerStatuses.map(({ restartCount }) => restartCount)
}

function isReady(status: Pod['status']): boolean {
  const { conditions = [] } = (status ?? {}) as { conditions?: { type: string; status: string }[] }
  return conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True')
}
