import { setTimeout as delay } from 'node:timers/promises'
import { expect, jest } from '@jest/globals'
import { API_VERSION } from '../../../api/names.ts'
import type { Pod } from '../../../kube/objects.ts'
import { scenario, useBed } from '../bed.ts'
import { json } from '../call.ts'
import { describeOnCluster } from '../environment.ts'
import { loadImage, SERVER } from '../image.ts'
import { cordon, scalePart, uncordon } from '../installation.ts'
import { functionOf, saying } from '../manifests.ts'
import { isReady, poolOf } from '../pods.ts'

jest.setTimeout(300_000)
/** Whoever did not know the pods would make others, or take these away, well before. */
const SETTLED_MS = 20_000
/** One that waits for a pod of its own for a second is not load that asks for another. */
const OWN = { serviceAccountName: 'default', concurrency: 4 }
const RESOURCES = { limits: { cpu: '500m', memory: '160Mi' }, requests: { cpu: '20m', memory: '80Mi' } }

describeOnCluster('controllers that come back after all of them were gone', () => {
  const bed = useBed('restart')
  const names = ['pooled', 'resized', 'own', 'image']

  const everyPod = async () => {
    const pods = await bed.list<Pod>('pods')
    return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(({ metadata }) => metadata.uid)
  }
  const serving = async () => Promise.all(names.map(async (name) => json(await bed.call(name))['pod']))

  scenario(bed, 'know every pod there is: the same serve, the same wait, none is made and none goes', async () => {
    await bed.deploy(
      functionOf('pooled', saying('pooled'), { concurrency: 4 }),
      functionOf('resized', saying('resized'), { resources: RESOURCES, concurrency: 4 }),
      functionOf('own', saying('own'), OWN),
      {
        apiVersion: API_VERSION,
        kind: 'Function',
        metadata: { name: 'image' },
        spec: { image: await loadImage('server', SERVER), signature: 'http' },
      },
    )
    const before = await serving()
    await poolOf(bed, 3)
    await bed.eventually('nothing leaves any more', async () => (await bed.list('pods')).length === names.length + 3)
    const pods = await everyPod()

    await scalePart('controller', 0)
    expect(await serving()).toEqual(before)
    await scalePart('controller', 2)
    await delay(SETTLED_MS)
    expect(await serving()).toEqual(before)
    expect((await everyPod()).sort()).toEqual(pods.sort())

    // And what they know is enough to go on: a changed one is rolled out, its former pod goes.
    await bed.deploy(functionOf('own', saying('changed'), OWN))
    await bed.eventually('the changed one answers', async () => json(await bed.call('own'))['says'] === 'changed')
    await bed.eventually('the former pod is gone', async () => (await bed.pods('own')).length <= 1)
  })

  scenario(bed, 'make ready what was being made when they ended, and not another in its place', async () => {
    await cordon()
    try {
      await bed.apply(functionOf('orphan', saying('orphan'), OWN))
      // Told by the first pod, which is made to load the code: who calls from now on makes no other.
      await bed.kubectl('wait', '--for=condition=Ready=false', '--timeout=30s', 'functions.dormouse.dev/orphan')
      expect((await bed.firstCall('orphan')).status).toBe(503)
      await scalePart('controller', 0)
    } finally {
      await uncordon()
    }
    const [made, ...others] = await bed.pods('orphan')
    expect([made?.metadata.name, others]).toEqual([expect.any(String), []])
    await bed.eventually('it is up and knows nothing', async () => (await bed.pods('orphan')).every(isReady))
    await scalePart('controller', 2)
    const answer = await bed.eventually('it serves', async () => {
      const came = await bed.call('orphan')
      return came.status === 200 && came
    })
    expect(json(answer)['pod']).toBe(made?.metadata.name)
  })
})
