/** Dashboards and alerts against an installation: what a cluster has beside local mode is there too. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect } from '@jest/globals'
import type { Pod } from '../../kube/objects.ts'
import { alertQueries, panelQueries, selectorsOf } from '../../scripts/observability/queries.ts'
import { missing, startPrometheus, type Prometheus } from '../builders/prometheus.ts'
import { SCRIPTED, SCRIPTED_SPEC, scriptedRound } from '../builders/scripted-function.ts'
import { emptyQueries } from '../builders/shipped-queries.ts'
import { addressOf, scenario, useBed } from './bed.ts'
import { describeOnCluster, e2e } from './environment.ts'
import { kubectlJson } from './kubectl.ts'
import { functionOf, triggerOf } from './manifests.ts'

const ROUNDS = 5
/** Longer than idleAfter, so that every round wakes. */
const BETWEEN_MS = 3_000
const MANAGEMENT_PORT = 9090

const reason = missing('prometheus')
const describeHere =
  reason === undefined ? describeOnCluster : (title: string, suite: () => void) => describe.skip(title, suite)

describeHere(
  `dashboards and alerts${reason === undefined ? '' : ` [skipped: ${reason}]`}`,
  () => {
    const bed = useBed('metrics')
    let prometheus: Prometheus | undefined
    afterAll(() => prometheus?.stop())

    scenario(bed, 'have no query that shows nothing of a busy installation', async () => {
      const withEvents = !('missing' in e2e().kafka)
      const [path, topic] = [`/${bed.namespace}/scripted`, `${bed.namespace}-scripted`]
      await bed.deploy(functionOf('scripted', SCRIPTED, SCRIPTED_SPEC))
      await bed.apply(triggerOf('scripted-http', 'scripted', { http: { path } }))
      if (withEvents) await bed.apply(triggerOf('scripted', 'scripted', kafkaOf(topic)))
      prometheus = await startPrometheus({ targets: await managementPorts() })
      const [publicUrl, internalUrl] = [await addressOf('gateway'), await addressOf('gateway-internal')]
      const key = `${bed.namespace}/scripted`
      for (let round = 0; round < ROUNDS; round++) {
        await scriptedRound({ publicUrl, internalUrl, key, path, ...(withEvents && { topic }) })
        await delay(BETWEEN_MS)
      }
      const absent = withEvents ? new Map<string, string>() : eventMetrics()
      // Since it is watched, that is, also when the last round is a while ago.
      expect(await emptyQueries(prometheus, { functionKey: key, lastSeconds: 120, absent })).toEqual([])
    })
  },
  { addresses: true },
)

const kafkaOf = (topic: string) => ({
  kafka: { topics: [topic], startFrom: 'earliest' },
  retry: { maxAttempts: 2, backoff: { initial: '50ms' } },
})

/** Of every process of the installation. Pod addresses are reachable from where tests run. */
async function managementPorts(): Promise<string[]> {
  const { namespace, release } = e2e()
  const selector = `app.kubernetes.io/instance=${release},app.kubernetes.io/component in (controller,gateway,dispatcher)`
  const { items } = await kubectlJson<{ items: Pod[] }>([
    '--namespace',
    namespace,
    'get',
    'pods',
    '--selector',
    selector,
  ])
  return items.flatMap(({ status }) => (status?.podIP === undefined ? [] : `${status.podIP}:${MANAGEMENT_PORT}`))
}

/** Without Kafka there are no dispatchers, and gateways take no events. */
function eventMetrics(): Map<string, string> {
  const exprs = [...panelQueries({ functionKey: 'a/b' }), ...alertQueries()].map(({ expr }) => expr)
  const metrics = exprs.flatMap((expr) => selectorsOf(expr).map(({ metric }) => metric))
  const ofEvents = metrics.filter((metric) => /^dormouse_(dispatcher_|gateway_events_)/.test(metric))
  return new Map(ofEvents.map((metric) => [metric, 'no Kafka']))
}
