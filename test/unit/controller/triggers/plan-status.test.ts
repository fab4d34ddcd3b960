import { describe, expect, test } from '@jest/globals'
import type { Trigger, TriggerStatus } from '../../../../api/trigger.ts'
import type { ObservedTrigger } from '../../../../controller/triggers/observe.ts'
import { plan } from '../../../../controller/triggers/plan.ts'
import { statusOf } from '../../../../controller/triggers/status.ts'

const NOW_MS = Date.parse('2026-03-01T12:00:00Z')

function observed(
  name: string,
  more: { functionExists?: boolean; createdAt?: string; path?: string } = {},
): ObservedTrigger {
  const { functionExists = true, createdAt = '2026-01-01T00:00:00Z', path = '/' } = more
  const trigger: Trigger = {
    apiVersion: 'dormouse.dev/v1alpha1',
    kind: 'Trigger',
    metadata: {
      name,
      namespace: 'default',
      uid: name,
      resourceVersion: '1',
      generation: 4,
      creationTimestamp: createdAt,
    },
    spec: {
      function: 'web',
      http: { hosts: ['Shop.io'], path, pathType: 'Prefix', methods: ['GET'], stripPrefix: true },
    },
  }
  return { key: `default/${name}`, functionKey: 'default/web', functionExists, trigger }
}

test('routes are in order of their keys and carry what the gateway needs', () => {
  const { routes } = plan([observed('b', { path: '/b' }), observed('a')])
  expect(routes).toEqual([
    {
      trigger: 'default/a',
      function: 'default/web',
      hosts: ['shop.io'],
      path: '/',
      pathType: 'Prefix',
      methods: ['GET'],
      stripPrefix: true,
    },
    expect.objectContaining({ trigger: 'default/b' }),
  ])
})

test('a Trigger whose Function is missing keeps its route', () => {
  expect(plan([observed('a', { functionExists: false })]).routes).toHaveLength(1)
})

describe('conditions', () => {
  const said = (status: TriggerStatus) =>
    Object.fromEntries(status.conditions?.map(({ type, status: is, reason }) => [type, `${is} ${reason}`]) ?? [])
  const table = [
    { rule: 'all is well', triggers: [observed('a')], want: { Accepted: 'True Claimed', Ready: 'True Routed' } },
    {
      rule: 'the Function is missing',
      triggers: [observed('a', { functionExists: false })],
      want: { Accepted: 'True Claimed', Ready: 'False FunctionNotFound' },
    },
    {
      rule: 'an older one has the route',
      triggers: [observed('a', { createdAt: '2026-02-01T00:00:00Z' }), observed('z')],
      want: { Accepted: 'False Conflicted', Ready: 'False Conflicted' },
    },
  ]
  test.each(table)('when $rule', ({ triggers, want }) => {
    const verdict = plan(triggers).verdicts[0]!
    expect(said(statusOf(verdict, undefined, NOW_MS))).toEqual(want)
  })

  test('name the winner', () => {
    const { verdicts } = plan([observed('a', { createdAt: '2026-02-01T00:00:00Z' }), observed('z')])
    expect(statusOf(verdicts[0]!, undefined, NOW_MS).conditions?.[0]?.message).toBe(
      'Trigger default/z is older and claims the same route shop.io/ (Prefix).',
    )
  })

  test('that say nothing new are the same object', () => {
    const verdict = plan([observed('a')]).verdicts[0]!
    const first = statusOf(verdict, undefined, NOW_MS)
    expect(statusOf(verdict, first, NOW_MS + 60_000)).toBe(first)
  })
})
