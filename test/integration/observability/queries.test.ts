/** Dashboards and alerts against what a running system really exposes, through a real Prometheus. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { alertRules, CLUSTER_ONLY, RULES_FILE } from '../../../scripts/observability/queries.ts'
import { eventually } from '../../builders/eventually.ts'
import { missing, startPrometheus, type Prometheus } from '../../builders/prometheus.ts'
import { emptyQueries } from '../../builders/shipped-queries.ts'
import { SCRIPTED_KEY, startBusySystem, type BusySystem } from './busy-system.ts'

const reason = missing('prometheus')
const suite = reason === undefined ? describe : describe.skip
const ROUNDS = 5
/** Longer than idleAfter, so that every round wakes. */
const BETWEEN_MS = 2_000

suite(`a real Prometheus${reason === undefined ? '' : ` [skipped: ${reason}]`}`, () => {
  let system: BusySystem
  let prometheus: Prometheus

  beforeAll(async () => {
    system = await startBusySystem()
    const targets = [new URL(system.platform.managementUrl).host]
    prometheus = await startPrometheus({ targets, ruleFiles: [RULES_FILE] })
    for (let round = 0; round < ROUNDS; round++) {
      await system.round()
      await delay(BETWEEN_MS)
    }
  }, 90_000)
  afterAll(async () => {
    await prometheus?.stop()
    await system?.stop()
  })

  test('no query of a dashboard or an alert is invalid or shows nothing', async () => {
    // Since it is watched, that is, also when the last round is a while ago.
    const check = { functionKey: SCRIPTED_KEY, lastSeconds: 120, absent: CLUSTER_ONLY }
    expect(await emptyQueries(prometheus, check)).toEqual([])
  })

  test('what is said to be of clusters only is not here', async () => {
    for (const metric of CLUSTER_ONLY.keys())
      expect([metric, await prometheus.query(`{__name__=~"${metric}.*"}`)]).toEqual([metric, []])
  })

  test('every alert is evaluated without an error, and those that must fire do', async () => {
    const rules = async () => {
      const { groups } = (await prometheus.get('rules')) as { groups: { rules: { name: string; health: string }[] }[] }
      return groups.flatMap((group) => group.rules)
    }
    await eventually('all evaluated', async () => (await rules()).every(({ health }) => health !== 'unknown'))
    expect(await rules().then((all) => all.map(({ name, health }) => `${name} ${health}`).sort())).toEqual(
      alertRules()
        .map(({ alert }) => `${alert} ok`)
        .sort(),
    )
    await eventually('those that must fire do', async () => {
      const { alerts } = (await prometheus.get('alerts')) as {
        alerts: { labels: Record<string, string>; state: string }[]
      }
      const firing = alerts
        .filter(({ state }) => state === 'firing')
        .map(({ labels }) => `${labels['alertname']} ${labels['name']}`)
      expect(firing).toContain('DormouseDeadLetters default/scripted')
      expect(firing).toContain('DormouseDeadLetters default/payment')
      return true
    })
  })
})
