import { expect } from '@jest/globals'
import { setTimeout as delay } from 'node:timers/promises'
import type { Trigger } from '../../api/trigger.ts'
import { scenario, useBed } from './bed.ts'
import { json } from './call.ts'
import { describeOnCluster } from './environment.ts'
import { functionOf, saying, triggerOf } from './manifests.ts'

/** Age is counted in whole seconds. */
const YOUNGER_MS = 1_500

describeOnCluster('of two http Triggers that claim one route', () => {
  const bed = useBed('conflict')

  const says = async (path: string) => {
    const answer = await bed.visit(path)
    return answer.status === 200 ? json(answer)['says'] : answer.status
  }
  const accepted = async (name: string) => {
    const { status } = await bed.get<Trigger>('triggers.dormouse.dev', name)
    return status?.conditions?.find(({ type }) => type === 'Accepted')
  }

  scenario(bed, 'the older serves, the younger says who has it, and serves once the older is gone', async () => {
    const path = `/${bed.namespace}/cart`
    const http = { path, pathType: 'Exact' }
    await bed.deploy(functionOf('old', saying('old')), functionOf('young', saying('young')))
    await bed.apply(triggerOf('z-first', 'old', { http }))
    await bed.eventually('the older serves', async () => (await says(path)) === 'old')
    await delay(YOUNGER_MS)
    await bed.apply(triggerOf('a-second', 'young', { http }))
    const refused = await bed.eventually('the younger is told', async () => {
      const now = await accepted('a-second')
      return now?.status === 'False' && now
    })
    expect([refused.reason, refused.message]).toEqual(['Conflicted', expect.stringMatching(/z-first is older/)])
    expect(refused.message).toContain(path)
    expect((await accepted('z-first'))?.status).toBe('True')
    for (let calls = 0; calls < 10; calls += 1) expect(await says(path)).toBe('old')

    await bed.kubectl('delete', 'triggers.dormouse.dev', 'z-first')
    await bed.eventually('the younger serves', async () => (await says(path)) === 'young')
    await bed.eventually('and is told so', async () => (await accepted('a-second'))?.status === 'True')
  })
})
