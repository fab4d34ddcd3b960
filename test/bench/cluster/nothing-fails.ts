/** Requests that fail under load while revisions roll out, a function shrinks, pods are deleted, controllers and gateways are restarted. */
import { setTimeout as sleep } from 'node:timers/promises'
import { LABEL } from '../../../api/names.ts'
import { DEPLOYMENTS, type Deployment } from '../../../cli/cluster/platform-kinds.ts'
import { PODS } from '../../../kube/objects.ts'
import { NAMESPACE, RELEASE } from '../../../scripts/e2e/installation.ts'
import { eventually } from '../../builders/eventually.ts'
import { functionOf, saying } from '../../e2e/manifests.ts'
import { startLoad } from '../load.ts'
import type { Row } from '../stats.ts'
import { applyAll, type BenchCluster } from './bench-cluster.ts'

const ROLLOUTS = 10
const DELETIONS = 10
const CLIENTS = 6
const LIMIT_MS = 120_000
const OBSERVED_MS = 2_000

const revision = (text: string, scaling: object = { min: 2, max: 6 }) =>
  functionOf('busy', saying(text), { concurrency: 4, scaling })

async function serves(bed: BenchCluster, text: string): Promise<void> {
  const says = async () => (JSON.parse((await bed.call('busy')).text) as { says?: string }).says === text
  await eventually(`${text} serves`, says, { withinMs: LIMIT_MS, everyMs: 100 })
}

async function rollouts(bed: BenchCluster): Promise<void> {
  for (let number = 0; number < ROLLOUTS; number += 1) {
    await applyAll(bed.api, bed.namespace, [revision(`revision ${number}`)])
    await serves(bed, `revision ${number}`)
  }
}

async function shrinks(bed: BenchCluster): Promise<void> {
  await applyAll(bed.api, bed.namespace, [revision('last', { min: 6, max: 6 })])
  const count = async () => (await bed.pods({ [LABEL.function]: 'busy' })).length
  await eventually('it has grown', async () => (await count()) >= 6, { withinMs: LIMIT_MS, everyMs: 250 })
  await sleep(2_000)
  await applyAll(bed.api, bed.namespace, [revision('last')])
  await eventually('it has shrunk', async () => (await count()) <= 3, { withinMs: LIMIT_MS, everyMs: 250 })
}

async function deletions(bed: BenchCluster): Promise<void> {
  for (let number = 0; number < DELETIONS; number += 1) {
    const [oldest] = (await bed.pods({ [LABEL.function]: 'busy' })).sort((a, b) =>
      a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp),
    )
    if (oldest !== undefined) await bed.api.delete(PODS, { namespace: bed.namespace, name: oldest.metadata.name })
    await sleep(2_000)
  }
}

/** As `kubectl rollout restart`. */
async function restart(bed: BenchCluster, part: string): Promise<void> {
  const ref = { namespace: NAMESPACE, name: `${RELEASE}-${part}` }
  const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() }
  await bed.api.patch(DEPLOYMENTS, ref, { spec: { template: { metadata: { annotations } } } })
  // Until then the status is of before.
  await sleep(OBSERVED_MS)
  const done = async () => {
    const deployment = await bed.api.get(DEPLOYMENTS, ref)
    return deployment !== undefined && isUpToDate(deployment)
  }
  await eventually(`${part} is restarted`, done, { withinMs: LIMIT_MS, everyMs: 500 })
  // The last of the old ones still serve what they have.
  await sleep(10_000)
}

function isUpToDate({ spec, status }: Deployment): boolean {
  const counts = [status?.updatedReplicas, status?.readyReplicas, status?.replicas]
  return counts.every((count) => count === spec.replicas)
}

const TROUBLES: Record<string, (bed: BenchCluster) => Promise<void>> = {
  [`${ROLLOUTS} rollouts`]: rollouts,
  'a scale-down from 6 pods': shrinks,
  [`${DELETIONS} pods deleted`]: deletions,
  'both controllers restarted': (bed) => restart(bed, 'controller'),
  'both gateways restarted': (bed) => restart(bed, 'gateway'),
}

export async function nothingFails(bed: BenchCluster): Promise<Row[]> {
  await bed.deploy([revision('first')])
  await bed.call('busy')
  const rows: Row[] = []
  for (const [what, trouble] of Object.entries(TROUBLES)) {
    const url = `${bed.functionsUrl}/busy`
    const load = startLoad({ url, clients: CLIENTS, method: 'POST', body: '{}', pauseMs: () => 20 })
    await sleep(1_000)
    await trouble(bed)
    const { requests, failures } = await load.stop()
    const failed = [...failures.values()].reduce((sum, count) => sum + count, 0)
    for (const [failure, count] of failures) console.log(`${what}: ${count} × ${failure}`)
    rows.push({ what, measured: `${failed} failed of ${requests}`, goal: '0', reached: failed === 0 })
  }
  return rows
}
