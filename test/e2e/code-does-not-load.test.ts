import { expect } from '@jest/globals'
import type { Condition, KubeObject } from '../../api/object.ts'
import { scenario, useBed } from './bed.ts'
import { json } from './call.ts'
import { describeOnCluster } from './environment.ts'
import { functionOf, saying } from './manifests.ts'

const BROKEN = `import './is-not-there.mjs'\nexport const handler = () => 1`

describeOnCluster('code that does not load', () => {
  const bed = useBed('broken')

  const ready = async () => {
    const { status } = await bed.get<KubeObject & { status?: { conditions?: Condition[] } }>('fn', 'shop')
    return status?.conditions?.find(({ type }) => type === 'Ready')
  }

  scenario(bed, 'leaves the old revision serving and says why, until it is mended', async () => {
    await bed.deploy(functionOf('shop', saying('one')))
    expect(json(await bed.call('shop'))['says']).toBe('one')

    await bed.apply(functionOf('shop', BROKEN))
    const condition = await bed.eventually('the Function is not Ready', async () => {
      const now = await ready()
      return now?.status === 'False' && now
    })
    expect(condition.message).toMatch(/is-not-there/)
    for (let calls = 0; calls < 5; calls++) expect(json(await bed.call('shop'))['says']).toBe('one')

    await bed.deploy(functionOf('shop', saying('two')))
    await bed.eventually('the mended one serves', async () => json(await bed.call('shop'))['says'] === 'two')
  })

  scenario(bed, 'of a function that never had any other is told to its caller at once', async () => {
    await bed.apply(functionOf('never', BROKEN))
    const answer = await bed.eventually('the failure is known', async () => {
      const now = await bed.call('never')
      return now.status !== 404 && now
    })
    expect(answer.status).toBeGreaterThanOrEqual(500)
    expect(answer.text).toMatch(/is-not-there/)
  })
})
