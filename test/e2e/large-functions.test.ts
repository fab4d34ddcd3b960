import { expect } from '@jest/globals'
import { HEADER, LABEL } from '../../api/names.ts'
import type { Pod } from '../../kube/objects.ts'
import { scenario, useBed } from './bed.ts'
import { born } from './births.ts'
import { json } from './call.ts'
import { describeOnCluster } from './environment.ts'
import { functionOf } from './manifests.ts'
import { isReady } from './pods.ts'

/** 320 MiB of JavaScript's own; with a heap for less the process ends. */
const SOURCE = `let kept
  export const handler = () => {
    kept = Array.from({ length: 40 }, () => new Array(1 << 20).fill(1.5))
    return { mb: Math.round(process.memoryUsage().heapUsed / 2 ** 20) }
  }`
const withMemory = (memory: string, cpu = '1') => ({ resources: { limits: { memory, cpu } } })

describeOnCluster('a function with much memory', () => {
  const bed = useBed('large')
  const waiting = async (memory: string) => {
    const pods = await bed.list<Pod>('pods', `${LABEL.state}=generic,${LABEL.memory}=${memory}`)
    return pods.filter(isReady).map(({ metadata }) => metadata.name)
  }

  scenario(bed, 'wakes from a pool of its size, and JavaScript can use it', async () => {
    await bed.deploy(functionOf('common', SOURCE, { ...withMemory('512Mi', '700m'), scaling: { idleAfter: '2s' } }))
    await bed.eventually('it sleeps', async () => (await bed.pods('common')).length === 0, 60_000)
    const [pod] = await bed.eventually('a pod waits', async () => {
      const names = await waiting('512')
      return names.length > 0 && names
    })
    const answer = await bed.call('common')
    expect([answer.status, answer.text]).toEqual([200, expect.anything()])
    expect(json(answer)['mb']).toBeGreaterThan(310)
    expect(answer.headers[HEADER.coldStart]).toEqual(expect.stringMatching(/^pod=0\.0,/))
    // Its labels come a moment after its first answer.
    const names = async () => (await bed.pods('common')).map(({ metadata }) => metadata.name)
    await bed.eventually('it is labelled', async () => (await names()).length > 0)
    expect(await names()).toEqual([pod])
    expect(await born(bed, 'common')).toEqual([])
    await bed.eventually('it has its processor time', async () => {
      const [claimed] = await bed.pods('common')
      return claimed?.spec.containers[0]?.resources?.limits?.cpu === '700m'
    })
  })

  scenario(bed, 'of a size that no pool has gets pods of its own, and JavaScript can use it', async () => {
    await bed.deploy(functionOf('uncommon', SOURCE, withMemory('500Mi')))
    const answer = await bed.call('uncommon')
    expect([answer.status, answer.text]).toEqual([200, expect.anything()])
    expect(json(answer)['mb']).toBeGreaterThan(310)
    expect((await born(bed, 'uncommon')).length).toBeGreaterThan(0)
  })

  scenario(bed, 'that is deleted leaves no pool', async () => {
    await bed.deploy(functionOf('once', SOURCE, withMemory('384Mi')))
    await bed.eventually('a pod waits', async () => (await waiting('384')).length === 1)
    await bed.kubectl('delete', 'function', 'once')
    await bed.eventually('it is gone', async () => (await waiting('384')).length === 0)
  })
})
