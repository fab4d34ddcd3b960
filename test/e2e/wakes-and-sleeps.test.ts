import { expect } from '@jest/globals'
import { HEADER } from '../../api/names.ts'
import { scenario, useBed } from './bed.ts'
import { json } from './call.ts'
import { describeOnCluster } from './environment.ts'
import { functionOf, saying, triggerOf } from './manifests.ts'

describeOnCluster('a function', () => {
  const bed = useBed('wakes')

  scenario(
    bed,
    'is woken by its first request, serves the next ones warm, and sleeps again once nobody calls',
    async () => {
      await bed.deploy(functionOf('hello', saying('hello'), { scaling: { idleAfter: '10s' } }))
      // The pod that has loaded the code goes a moment after it has been seen to.
      await bed.eventually('it sleeps', async () => (await bed.pods('hello')).length === 0)

      const first = await bed.call('hello', { body: { name: 'Ada' } })
      expect([first.status, first.text]).toEqual([200, expect.stringContaining('"says":"hello"')])
      expect(json(first)['event']).toEqual({ name: 'Ada' })
      expect(first.headers[HEADER.coldStart]).toEqual(expect.stringContaining('specialize='))

      // Another gateway may not have heard of the pod yet and ask for it: nothing is started for it.
      const second = await bed.call('hello')
      expect(second.headers[HEADER.coldStart] ?? '').not.toContain('specialize=')
      expect(json(second)['pod']).toBe(json(first)['pod'])

      await bed.eventually('no pod of hello is left', async () => (await bed.pods('hello')).length === 0, 60_000)
      expect((await bed.call('hello')).status).toBe(200)
    },
  )

  scenario(bed, 'is reached from outside only by what its http Trigger declares', async () => {
    await bed.deploy(functionOf('shop', saying('shop')))
    const path = `/${bed.namespace}/shop`
    expect((await bed.visit(path)).status).toBe(404)
    await bed.apply(triggerOf('shop', 'shop', { http: { path, pathType: 'Exact', methods: ['POST'] } }))
    await bed.eventually('the route is served', async () => (await bed.visit(path)).status === 200)
    expect((await bed.visit(path, { method: 'GET' })).status).toBe(405)
    expect((await bed.visit(`/fn/${bed.namespace}/shop`)).status).toBe(404)
  })
})
