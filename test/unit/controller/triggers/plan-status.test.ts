import { describe, expect, test } from '@jest/globals'
import type { Trigger, TriggerStatus } from '../../../../api/trigger.ts'
import type { ObservedTrigger } from '../../../../controller/triggers/observe.ts'
import { plan, type ScheduleCheck } from '../../../../controller/triggers/plan.ts'
import { statusOf } from '../../../../controller/triggers/status.ts'

const NOW_MS = Date.parse('2026-03-01T12:00:00Z')

interface More {
  functionExists?: boolean
  createdAt?: string
  path?: string
  payloadFormatVersion?: '1.0' | '2.0'
  /** Instead of http. */
  events?: 'kafka' | 'cron'
}

function observed(name: string, more: More = {}): ObservedTrigger {
  const {
    functionExists = true,
    createdAt = '2026-01-01T00:00:00Z',
    path = '/',
    payloadFormatVersion = '2.0',
    events,
  } = more
  const http = {
    ...{ hosts: ['Shop.io'], path, pathType: 'Prefix' as const, methods: ['GET' as const], stripPrefix: true },
    payloadFormatVersion,
  }
  const kafka = { topics: ['orders', 'returns'], ordering: 'key' as const, startFrom: 'earliest' as const, filters: [] }
  const cron = { schedule: '0 6 * * *', timezone: 'UTC', startingDeadline: '1h' }
  const source = { kafka: { kafka }, cron: { cron }, http: { http } }[events ?? 'http']
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
    spec: { function: 'web', ...source },
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

test('a route says its payload format when it is not what older gateways know', () => {
  const { routes } = plan([observed('a', { payloadFormatVersion: '1.0' }), observed('b', { path: '/b' })])
  expect(routes.map(({ payloadFormatVersion }) => payloadFormatVersion)).toEqual(['1.0', undefined])
})

test('a Trigger whose Function is missing keeps its route', () => {
  expect(plan([observed('a', { functionExists: false })]).routes).toHaveLength(1)
})

const means = (checkSchedule?: ScheduleCheck) => (checkSchedule === undefined ? {} : { checkSchedule })

describe('subscriptions', () => {
  const keysOf = (triggers: ObservedTrigger[], check?: ScheduleCheck) =>
    plan(triggers, means(check)).subscriptions.map(({ trigger }) => trigger)

  test('are those of kafka and cron Triggers, in order of their keys; routes are those of http', () => {
    const triggers = [observed('c', { events: 'cron' }), observed('b'), observed('a', { events: 'kafka' })]
    expect(keysOf(triggers)).toEqual(['default/a', 'default/c'])
    expect(plan(triggers).routes.map(({ trigger }) => trigger)).toEqual(['default/b'])
  })

  test('outlive their Function: records wait for it', () => {
    expect(keysOf([observed('a', { events: 'kafka', functionExists: false })])).toEqual(['default/a'])
  })

  test('outlive a mistake in their schedule: what waits must not be taken for that of a deleted Trigger', () => {
    expect(keysOf([observed('a', { events: 'cron' })], () => 'no such hour')).toEqual(['default/a'])
  })

  test('never conflict: two Triggers may read one topic', () => {
    expect(keysOf([observed('a', { events: 'kafka' }), observed('b', { events: 'kafka' })])).toHaveLength(2)
  })
})

test('only schedules are checked, with their time zones', () => {
  const checked: unknown[] = []
  const checkSchedule: ScheduleCheck = (cron) => {
    checked.push(cron)
    return undefined
  }
  plan([observed('a'), observed('b', { events: 'cron' }), observed('c', { events: 'kafka' })], { checkSchedule })
  expect(checked).toEqual([expect.objectContaining({ schedule: '0 6 * * *', timezone: 'UTC' })])
})

describe('conditions', () => {
  const said = (status: TriggerStatus) =>
    Object.fromEntries(status.conditions?.map(({ type, status: is, reason }) => [type, `${is} ${reason}`]) ?? [])
  const table: {
    rule: string
    triggers: ObservedTrigger[]
    check?: ScheduleCheck
    noTopics?: string
    want: Record<string, string>
  }[] = [
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
    {
      rule: 'records are read',
      triggers: [observed('a', { events: 'kafka' })],
      want: { Accepted: 'True Subscribed', Ready: 'True Subscribed' },
    },
    {
      rule: 'records wait for the Function',
      triggers: [observed('a', { events: 'kafka', functionExists: false })],
      want: { Accepted: 'True Subscribed', Ready: 'False FunctionNotFound' },
    },
    {
      rule: 'a schedule is followed',
      triggers: [observed('a', { events: 'cron' })],
      want: { Accepted: 'True Subscribed', Ready: 'True Subscribed' },
    },
    {
      rule: 'a schedule cannot be followed, whether the Function exists or not',
      triggers: [observed('a', { events: 'cron', functionExists: false })],
      check: () => 'expected an hour, got 25',
      want: { Accepted: 'False InvalidSchedule', Ready: 'False InvalidSchedule' },
    },
    {
      rule: 'there is no Kafka to read from, whether the Function exists or not',
      triggers: [observed('a', { events: 'kafka', functionExists: false })],
      noTopics: 'there is no Kafka',
      want: { Accepted: 'False NoKafka', Ready: 'False NoKafka' },
    },
    {
      rule: 'there is no Kafka, which a route does not need',
      triggers: [observed('a')],
      noTopics: 'there is no Kafka',
      want: { Accepted: 'True Claimed', Ready: 'True Routed' },
    },
  ]
  test.each(table)('when $rule', ({ triggers, check, noTopics, want }) => {
    const verdict = plan(triggers, { ...means(check), ...(noTopics !== undefined && { noTopics }) }).verdicts[0]!
    expect(said(statusOf(verdict, undefined, NOW_MS))).toEqual(want)
  })

  test('name the winner', () => {
    const { verdicts } = plan([observed('a', { createdAt: '2026-02-01T00:00:00Z' }), observed('z')])
    expect(statusOf(verdicts[0]!, undefined, NOW_MS).conditions?.[0]?.message).toBe(
      'Trigger default/z is older and claims the same route shop.io/ (Prefix).',
    )
  })

  const messageOf = (trigger: ObservedTrigger, check?: ScheduleCheck) =>
    statusOf(plan([trigger], means(check)).verdicts[0]!, undefined, NOW_MS).conditions?.map(({ message }) => message)

  test('tell what is read, what is followed, and where it goes', () => {
    expect(messageOf(observed('a', { events: 'kafka' }))).toEqual([
      'It reads orders, returns.',
      'Its records go to Function default/web.',
    ])
    expect(messageOf(observed('a', { events: 'cron' }))).toEqual([
      'Its schedule is followed.',
      'Its ticks go to Function default/web.',
    ])
  })

  test('tell what waits for a missing Function', () => {
    const until = (trigger: ObservedTrigger) => messageOf(trigger)?.[1]
    expect(until(observed('a', { functionExists: false }))).toBe(
      'Function default/web does not exist; requests are answered with 404 until it does.',
    )
    expect(until(observed('a', { functionExists: false, events: 'kafka' }))).toBe(
      'Function default/web does not exist; its records wait until it does.',
    )
    expect(until(observed('a', { functionExists: false, events: 'cron' }))).toBe(
      'Function default/web does not exist; its ticks wait until it does.',
    )
  })

  test('tell what is wrong with a schedule', () => {
    expect(messageOf(observed('a', { events: 'cron' }), () => 'expected an hour, got 25')?.[0]).toBe(
      'Its schedule cannot be followed: expected an hour, got 25.',
    )
  })

  test('leave the time of the last tick as it is', () => {
    const verdict = plan([observed('a', { events: 'cron' })]).verdicts[0]!
    const lastScheduleTime = '2026-03-01T06:00:00Z'
    expect(statusOf(verdict, { lastScheduleTime }, NOW_MS)).toMatchObject({ lastScheduleTime, observedGeneration: 4 })
  })

  test('that say nothing new are the same object', () => {
    const verdict = plan([observed('a')]).verdicts[0]!
    const first = statusOf(verdict, undefined, NOW_MS)
    expect(statusOf(verdict, first, NOW_MS + 60_000)).toBe(first)
  })
})
