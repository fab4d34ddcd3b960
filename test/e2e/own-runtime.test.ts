import { randomBytes } from 'node:crypto'
import { afterAll, expect } from '@jest/globals'
import type { Runtime } from '../../api/runtime.ts'
import { API_VERSION } from '../../api/names.ts'
import { scenario, useBed } from './bed.ts'
import { born } from './births.ts'
import { json } from './call.ts'
import { describeOnCluster } from './environment.ts'
import { kubectl, kubectlJson } from './kubectl.ts'
import { functionOf, saying } from './manifests.ts'

const NAME = `mine-${randomBytes(3).toString('hex')}`

describeOnCluster('a Runtime of one’s own', () => {
  const bed = useBed('runtime')
  afterAll(() => kubectl(['delete', 'runtimes.dormouse.dev', NAME, '--ignore-not-found']))

  const applyRuntime = (image: string) =>
    bed.apply({
      apiVersion: API_VERSION,
      kind: 'Runtime',
      metadata: { name: NAME },
      spec: { image, pool: { size: 1 } },
    })
  const reason = (name: string) =>
    bed.kubectl('get', 'functions.dormouse.dev', name, '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}')

  scenario(
    bed,
    'that does not exist is told of in the condition and to callers; once it is created the Function serves by itself',
    async () => {
      await bed.apply(functionOf('early', saying('early'), { runtime: NAME }))
      await bed.eventually('it says so', async () => (await reason('early')) === 'RuntimeNotFound')
      const refused = await bed.firstCall('early')
      expect([refused.status, json(refused)]).toEqual([503, expect.objectContaining({ code: 'runtime-missing' })])
      expect(json(refused)['detail']).toContain(NAME)

      await applyRuntime('localhost/e2e-nothing:none')
      // All that watch it have to hear of it first.
      await bed.eventually('callers are told that its image cannot be pulled', async () => {
        const { status, text } = await bed.call('early')
        return status === 503 && text.includes('localhost/e2e-nothing:none')
      })

      const node = await kubectlJson<Runtime>(['get', 'runtimes.dormouse.dev', 'node'])
      await applyRuntime(node.spec.image)
      await bed.eventually('it serves', async () => (await bed.call('early')).status === 200, 60_000)
      await bed.kubectl('wait', '--for=condition=Ready', '--timeout=60s', 'functions.dormouse.dev/early')
      expect(await born(bed, 'node')).toEqual([])
    },
  )
})
