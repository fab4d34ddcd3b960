import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect, jest } from '@jest/globals'
import { scenario, useBed } from '../bed.ts'
import { json } from '../call.ts'
import { describeOnCluster, e2e } from '../environment.ts'
import { helm, HELM_LIMIT_MS, tryHelm, upgrade } from '../helm.ts'
import { kubectl } from '../kubectl.ts'
import { startLoad } from '../load.ts'
import { functionOf, taking, triggerOf } from '../manifests.ts'

// Two upgrades, each of which waits for every part's drain.
jest.setTimeout(2 * HELM_LIMIT_MS)

/** Longer than the longest grace period of a part. */
const DRAINED_MS = 90_000
const PARTS = ['controller', 'gateway', 'dispatcher']
const WRITING = `import { writeFile } from 'node:fs/promises'
  const written = (path) => writeFile(path, 'x').then(() => true, ({ code }) => code)
  export const handler = async () => ({ tmp: await written('/tmp/x'), root: await written('/x') })`

describeOnCluster('switching autoscaling on', () => {
  const bed = useBed('autoscaling')
  afterAll(() => upgrade({ 'gateway.autoscaling.enabled': false }), HELM_LIMIT_MS)

  scenario(bed, 'leaves as many gateways as there are, and so does the next upgrade', async () => {
    const args = ['--namespace', e2e().namespace, 'get', 'deployment', `${e2e().release}-gateway`]
    const replicas = () => kubectl([...args, '-o', 'jsonpath={.spec.replicas}'])
    const before = await replicas()
    const seen = new Set<string>()
    let isOver = false
    const watch = async () => {
      for (; !isOver; await delay(50)) seen.add(await replicas())
    }
    const switchOn = async () => {
      for (const targetCPUUtilizationPercentage of [70, 71]) {
        const autoscaling = { enabled: true, minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage }
        await upgrade({ 'gateway.autoscaling': autoscaling })
      }
    }
    await Promise.all([watch(), switchOn().finally(() => (isOver = true))])
    expect([...seen]).toEqual([before])
  })
})

describeOnCluster(
  'an installation under load',
  () => {
    const bed = useBed('upgrade')
    const podNames = async () => {
      const { namespace, release } = e2e()
      const selector = `app.kubernetes.io/instance=${release},app.kubernetes.io/component in (${PARTS.join(',')})`
      const names = await kubectl(['--namespace', namespace, 'get', 'pods', '--selector', selector, '-o', 'name'])
      return names.trim().split('\n')
    }
    const revision = async () => {
      const [latest] = JSON.parse(await helm('history', e2e().release, '--max=1', '-o', 'json')) as {
        revision: number
      }[]
      return String(latest!.revision)
    }
    const gone = (names: readonly string[]) => {
      const isLeft = (name: string) => names.includes(name)
      return bed.eventually('none of them is left', async () => !(await podNames()).some(isLeft), DRAINED_MS)
    }
    /** Where a pod that is made or claimed now may write. */
    const writable = async (name: string) => {
      await bed.deploy(functionOf(name, WRITING))
      return json(await bed.firstCall(name))
    }
    let first: string | undefined
    afterAll(async () => {
      if (first !== undefined && (await revision()) !== first) await tryHelm('rollback', e2e().release, first, '--wait')
    }, HELM_LIMIT_MS)

    scenario(
      bed,
      'fails no request while every part is replaced by an upgrade with other values, and again by its rollback',
      async () => {
        const scaling = { min: 1, max: 4 }
        await bed.deploy(functionOf('busy', taking(20), { concurrency: 4, scaling }))
        await bed.apply(triggerOf('busy', 'busy', { http: { path: `/${bed.namespace}/busy` } }))
        const path = `/${bed.namespace}/busy`
        await bed.eventually('it is served', async () => (await bed.visit(path)).status === 200)
        first = await revision()
        const original = await podNames()
        const load = startLoad(() => bed.visit(path), { workers: 4 })
        try {
          await load.more(50)
          const stamp = { 'example.com/upgraded': new Date().toISOString() }
          await upgrade({
            ...Object.fromEntries(PARTS.map((part) => [`${part}.podAnnotations`, stamp])),
            'functions.readOnlyRootFilesystem': true,
          })
          await load.more(50)
          await gone(original)
          expect(await writable('confined')).toEqual({ tmp: true, root: 'EROFS' })
          const upgraded = await podNames()
          await helm('rollback', e2e().release, first, '--wait', '--timeout=4m')
          await load.more(50)
          await gone(upgraded)
          expect(await writable('free')).toEqual({ tmp: true, root: 'EACCES' })
        } finally {
          await load.end()
        }
        expect(load.failures).toEqual([])
      },
    )
  },
  { addresses: true },
)
