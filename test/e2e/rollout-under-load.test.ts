import { expect } from '@jest/globals'
import { scenario, useBed } from './bed.ts'
import { json } from './call.ts'
import { describeOnCluster } from './environment.ts'
import { startLoad } from './load.ts'
import { functionOf, triggerOf } from './manifests.ts'

const ROLLOUTS = 3
const source = (version: number) => `
  import { setTimeout as delay } from 'node:timers/promises'
  export const handler = async () => { await delay(20); return { version: ${version} } }`

describeOnCluster('under load', () => {
  const bed = useBed('rollout')
  const scaling = { min: 1, max: 4 }

  scenario(
    bed,
    `no request fails while ${ROLLOUTS} revisions follow each other, and the last one answers in the end`,
    async () => {
      await bed.deploy(functionOf('shop', source(0), { concurrency: 4, scaling }))
      await bed.call('shop')
      const load = startLoad(() => bed.call('shop'), { workers: 4 })
      for (let version = 1; version <= ROLLOUTS; version++) {
        await load.more(100)
        await bed.deploy(functionOf('shop', source(version), { concurrency: 4, scaling }))
      }
      await bed.eventually(
        'the last revision answers',
        async () => json(await bed.call('shop'))['version'] === ROLLOUTS,
      )
      await load.more(100)
      await load.end()
      expect(load.failures).toEqual([])
      expect(load.served).toBeGreaterThan(100 * ROLLOUTS)
    },
  )

  scenario(bed, 'a function that is deleted answers 404, and nothing but that', async () => {
    await bed.deploy(functionOf('going', source(0), { concurrency: 4 }))
    await bed.apply(triggerOf('going', 'going', { http: { path: `/${bed.namespace}/going` } }))
    await bed.eventually('it is served', async () => (await bed.call('going')).status === 200)
    const load = startLoad(() => bed.call('going'), { workers: 4 })
    await load.more(50)
    await bed.kubectl('delete', 'fn/going')
    await bed.eventually('it is gone', async () => (await bed.call('going')).status === 404)
    await load.end()
    expect(load.failures.filter((failure) => !failure.includes(' 404 '))).toEqual([])
    await bed.eventually('its pods are gone', async () => (await bed.pods('going')).length === 0)
  })
})
