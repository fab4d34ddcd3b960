import { expect } from '@jest/globals'
import type { Pod } from '../../kube/objects.ts'
import { scenario, useBed } from './bed.ts'
import { json } from './call.ts'
import { describeOnCluster } from './environment.ts'
import { startLoad } from './load.ts'
import { functionOf, taking } from './manifests.ts'

/** `{"do": …}` says what. */
const FRAGILE = `
  import { hostname } from 'node:os'
  const held = []
  export const handler = async ({ do: what }) => {
    if (what === 'end') process.kill(process.pid, 'SIGKILL')
    while (what === 'eat') held.push(Buffer.alloc(8 * 1024 * 1024, 1))
    return { pod: hostname() }
  }`

describeOnCluster('when a pod', () => {
  const bed = useBed('dying')

  const serving = async (name: string) => json(await bed.call(name))['pod'] as string

  const gone = (name: string) =>
    bed.eventually(
      `pod ${name} is gone`,
      async () => {
        const pods = await bed.list<Pod>('pods')
        return !pods.some(({ metadata }) => metadata.name === name)
      },
      60_000,
    )

  scenario(bed, 'is deleted under load no request fails: it finishes what it has, others take the rest', async () => {
    await bed.deploy(functionOf('steady', taking(50), { concurrency: 4, scaling: { min: 2 } }))
    await bed.eventually('two pods serve', async () => (await bed.pods('steady')).length >= 2)
    const load = startLoad(() => bed.call('steady'), { workers: 4 })
    await load.more(50)
    const before = await bed.pods('steady')
    for (const pod of before) {
      await bed.kubectl('delete', 'pod', pod.metadata.name, '--wait=false')
      await load.more(50)
    }
    await load.end()
    expect(load.failures).toEqual([])
    await Promise.all(before.map(({ metadata }) => gone(metadata.name)))
  })

  scenario(
    bed,
    "ends itself its caller is told so, and the next one gets another pod: a container that was started again is nobody's",
    async () => {
      await bed.deploy(functionOf('ending', FRAGILE))
      const first = await serving('ending')
      const answer = await bed.call('ending', { body: { do: 'end' } })
      expect([answer.status, json(answer)['errorType']]).toEqual([500, 'Runtime.ExitError'])
      expect(await serving('ending')).not.toBe(first)
      await gone(first)
    },
  )

  scenario(
    bed,
    'uses more memory than its function may it is ended, and its caller told; the next call is served',
    async () => {
      await bed.deploy(functionOf('eating', FRAGILE, { resources: { limits: { memory: '64Mi' } } }))
      const first = await serving('eating')
      // Its limit is set in place after it was claimed, off the critical path.
      await bed.eventually('the limit is in force', async () => {
        const [pod] = await bed.pods('eating')
        return limitOf(pod) === '64Mi'
      })
      const answer = await bed.call('eating', { body: { do: 'eat' } })
      expect([500, 502]).toContain(answer.status)
      expect(await serving('eating')).not.toBe(first)
    },
  )
})

function limitOf(pod: Pod | undefined): string | undefined {
  const statuses = (
    pod?.status as { containerStatuses?: { resources?: { limits?: { memory?: string } } }[] } | undefined
  )?.containerStatuses
  return statuses?.[0]?.resources?.limits?.memory
}
