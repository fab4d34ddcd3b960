import { afterAll, expect } from '@jest/globals'
import { scenario, useBed } from '../bed.ts'
import { json } from '../call.ts'
import { describeOnCluster } from '../environment.ts'
import { cordon, uncordon } from '../installation.ts'
import { whileCalling } from '../load.ts'
import { functionOf, saying } from '../manifests.ts'
import { poolOf } from '../pods.ts'

/** Own pods: the pool of a namespace may hold all that there is. */
const OWN = { serviceAccountName: 'default' }

describeOnCluster('where there is no room for pods', () => {
  const warm = useBed('warm')
  const cold = useBed('cold')
  afterAll(uncordon)

  scenario(
    cold,
    'no node takes any: what is warm serves, who waits is told, and all is well when one does',
    async () => {
      await warm.deploy(functionOf('warm', saying('warm'), { concurrency: 4, scaling: { min: 1 } }))
      const failures = await whileCalling(
        () => warm.call('warm'),
        { workers: 2, pauseMs: 20 },
        async (load) => {
          await load.more(20)
          await cordon()
          try {
            await cold.apply(functionOf('pooled', saying('pooled')), functionOf('own', saying('own'), OWN))
            for (const name of ['pooled', 'own']) await isToldOfNoRoom(name)
            await cold.kubectl(
              'wait',
              '--for=condition=Ready=false',
              '--timeout=30s',
              'functions.dormouse.dev',
              '--all',
            )
            await load.more(50)
          } finally {
            await uncordon()
          }
          for (const name of ['pooled', 'own'])
            await cold.eventually(`${name} serves`, async () => (await cold.call(name)).status === 200, 60_000)
          await cold.kubectl('wait', '--for=condition=Ready', '--timeout=60s', 'functions.dormouse.dev', '--all')
        },
      )
      expect(failures).toEqual([])
    },
  )

  const isToldOfNoRoom = async (name: string) => {
    const waiting = await cold.firstCall(name)
    expect([waiting.status, json(waiting)]).toEqual([503, expect.objectContaining({ code: 'cannot-wake' })])
    expect(json(waiting)['detail']).toMatch(/no node has room for it: .*unschedulable/)
    expect(waiting.headers['retry-after']).toMatch(/^\d+$/)
  }
})

describeOnCluster('where the quota of a namespace is used up', () => {
  const bed = useBed('quota')

  scenario(bed, 'who waits is told which quota, and is served once there is room', async () => {
    // A pool of three, and nothing beside it.
    await bed.kubectl('create', 'quota', 'small', '--hard=pods=3')
    await bed.apply(functionOf('pooled', saying('pooled')))
    await poolOf(bed, 2)
    await bed.apply(functionOf('own', saying('own'), OWN))
    const waiting = await bed.firstCall('own')
    expect([waiting.status, json(waiting)]).toEqual([503, expect.objectContaining({ code: 'cannot-wake' })])
    expect(json(waiting)['detail']).toMatch(/quota small of the namespace is used up: it asks for pods=1/)
    // A pod that waits is as good as room, for who can take it.
    expect((await bed.call('pooled')).status).toBe(200)
    await bed.kubectl('patch', 'quota', 'small', '--type=merge', '-p', '{"spec":{"hard":{"pods":"8"}}}')
    await bed.eventually('it serves', async () => (await bed.call('own')).status === 200, 60_000)
    await bed.kubectl('wait', '--for=condition=Ready', '--timeout=60s', 'functions.dormouse.dev/own')
  })
})
