import { expect, jest } from '@jest/globals'
import { API_VERSION } from '../../api/names.ts'
import { scenario, useBed } from './bed.ts'
import { json } from './call.ts'
import { describeOnCluster, e2e } from './environment.ts'
import { loadImage, SERVER } from './image.ts'
import { kubectl, tryKubectl } from './kubectl.ts'
import { whileCalling } from './load.ts'
import { functionOf, saying, triggerOf } from './manifests.ts'

jest.setTimeout(300_000)
/** Pods end when nothing runs in them, and Kubernetes looks again after some seconds. */
const GONE_MS = 90_000
/** One for each function that lost a pod while it was called, by each controller, and a little. */
const MOST_WARNINGS = 6

describeOnCluster('a namespace that is deleted while its functions serve', () => {
  const bed = useBed('gone')

  const manifests = async (says: string) => [
    functionOf('pooled', saying(says), { scaling: { min: 1 } }),
    functionOf('own', saying(says), { serviceAccountName: 'default' }),
    {
      apiVersion: API_VERSION,
      kind: 'Function',
      metadata: { name: 'image' },
      spec: { image: await loadImage('server', SERVER), signature: 'http' },
    },
  ]

  scenario(
    bed,
    'leaves nothing, is no trouble to the controllers, and works at once when it is there again',
    async () => {
      const path = `/${bed.namespace}/pooled`
      await bed.deploy(...(await manifests('first')))
      await bed.apply(triggerOf('web', 'pooled', { http: { path } }))
      for (const name of ['own', 'image']) expect((await bed.call(name)).status).toBe(200)
      const since = new Date().toISOString()
      const failures = await whileCalling(
        () => bed.call('pooled'),
        { workers: 2, pauseMs: 20 },
        async (load) => {
          await load.more(20)
          const within = `--timeout=${GONE_MS / 1000}s`
          await kubectl(['delete', 'namespace', bed.namespace, within], { timeoutMs: GONE_MS + 5_000 })
        },
      )
      // 404 of the platform or a last 5xx of the pod that went: never silence.
      expect(failures.filter((failure) => !/ (404|50[234]) /.test(failure))).toEqual([])
      expect((await bed.call('pooled')).status).toBe(404)
      expect((await bed.visit(path)).status).toBe(404)
      expect(await warningsSince(since, bed.namespace)).toEqual([])

      await kubectl(['create', 'namespace', bed.namespace])
      await bed.deploy(...(await manifests('second')))
      await bed.apply(triggerOf('web', 'pooled', { http: { path } }))
      expect(json(await bed.call('pooled'))['says']).toBe('second')
      expect(json(await bed.call('own'))['says']).toBe('second')
      expect((await bed.call('image')).status).toBe(200)
      await bed.eventually('its route is served', async () => (await bed.visit(path)).status === 200)
    },
  )
})

/** What both controllers logged of it at warn and above, when that is more than a few lines. */
async function warningsSince(since: string, namespace: string): Promise<string[]> {
  const { namespace: own, release } = e2e()
  const selector = `app.kubernetes.io/component=controller,app.kubernetes.io/instance=${release}`
  const args = ['logs', `--selector=${selector}`, `--since-time=${since}`, '--tail=-1', '--namespace', own]
  const lines = (await tryKubectl(args)).stdout.split('\n')
  const loud = lines.filter((line) => /"level":"(warn|error|fatal)"/.test(line) && line.includes(namespace))
  return loud.length > MOST_WARNINGS ? loud : []
}
