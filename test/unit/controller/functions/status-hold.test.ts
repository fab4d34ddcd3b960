import { describe, expect, test } from '@jest/globals'
import type { FunctionStatus } from '../../../../api/function.ts'
import { AFTER_WAKE_MS, AT_ONCE_MS } from '../../../../controller/after-wake.ts'
import type { FunctionObservation } from '../../../../controller/functions/observe.ts'
import { decideRollout } from '../../../../controller/functions/rollout.ts'
import { holdUntilMs } from '../../../../controller/functions/status-hold.ts'
import { statusOf } from '../../../../controller/functions/status.ts'
import { broken, loads, NOW_MS, observed, pod } from '../../../builders/function-observation.ts'

const address = { makesServices: false }
const good = { servingRevision: 'r2', fates: new Map([['r2', loads]]) }

function statusFor(more: Partial<FunctionObservation>, current?: FunctionStatus): FunctionStatus {
  const seen = observed({ ...good, ...more })
  return statusOf({ seen, rollout: decideRollout(seen), address }, current)
}

const ASLEEP = statusFor({})

function held(
  more: Partial<FunctionObservation>,
  { current = ASLEEP, heldSinceMs }: { current?: FunctionStatus; heldSinceMs?: number } = {},
): number | undefined {
  const seen = observed({ ...good, ...more })
  const untilMs = holdUntilMs({
    current,
    next: statusFor(more, current),
    seen,
    lacksName: false,
    heldSinceMs,
    afterWakeMs: AFTER_WAKE_MS,
  })
  return untilMs === undefined ? undefined : untilMs - NOW_MS
}

describe('the status of a function that wakes', () => {
  test('waits while its pod starts, for a second at most', () => {
    const starting = { desired: 1, pods: [pod('r2', 'starting')] }
    expect(held(starting)).toBe(1_000)
    expect(held(starting, { heldSinceMs: NOW_MS - 400 })).toBe(600)
    expect(held(starting, { heldSinceMs: NOW_MS - 1_000 })).toBeUndefined()
  })

  test('waits while its start has no pod yet', () => {
    expect(held({ desired: 1, pendingStarts: () => 1 })).toBe(1_000)
  })

  test('waits for the first request of a pod that has just become ready, and no longer', () => {
    expect(held({ desired: 1, pods: [pod('r2', 'ready', 10)] })).toBe(AFTER_WAKE_MS - 10)
    expect(held({ desired: 1, pods: [pod('r2', 'ready', AFTER_WAKE_MS)] })).toBeUndefined()
    expect(held({ desired: 1, pods: [pod('r2', 'ready', 10)] }, { heldSinceMs: NOW_MS - 1_000 })).toBeUndefined()
  })

  test('does not wait again for a pod that another replica woke, whose labels have waited', () => {
    expect(held({ desired: 1, pods: [{ ...pod('r2', 'ready', 0), isForeign: true }] })).toBeUndefined()
  })

  test('waits for nothing where the API is memory of this process', () => {
    const more = { desired: 1, pods: [pod('r2', 'starting')] }
    const told = {
      next: statusFor(more, ASLEEP),
      seen: observed({ ...good, ...more }),
      lacksName: false,
      heldSinceMs: undefined,
    }
    expect(holdUntilMs({ current: ASLEEP, ...told, afterWakeMs: AT_ONCE_MS })).toBeUndefined()
  })

  test('is told at once when it falls asleep', () => {
    const RUNNING = statusFor({ desired: 1, pods: [pod('r2')] })
    expect(held({}, { current: RUNNING })).toBeUndefined()
  })

  const news: [string, Partial<FunctionObservation>, FunctionStatus | undefined][] = [
    ['nothing was told yet', { pods: [pod('r2', 'starting')] }, undefined],
    ['a new spec was seen', { pods: [pod('r2', 'starting')] }, { ...ASLEEP, observedGeneration: 1 }],
    ['another revision serves', { pods: [pod('r2', 'ready', 0)] }, { ...ASLEEP, revision: 'r1' }],
    [
      'it loads for the first time',
      { fates: new Map(), verifyFirstRevision: true, pods: [pod('r2', 'starting')] },
      ASLEEP,
    ],
    ['its code does not load', { fates: new Map([['r2', broken]]), pods: [pod('r2', 'starting')] }, ASLEEP],
  ]
  test.each(news)('is told at once when %s', (_rule, more, current) => {
    const seen = observed({ ...good, ...more })
    const told = {
      next: statusFor(more, current),
      seen,
      lacksName: false,
      heldSinceMs: undefined,
      afterWakeMs: AFTER_WAKE_MS,
    }
    expect(holdUntilMs({ current, ...told })).toBeUndefined()
  })
})

test('the first status of all waits until the Service is made, for a second at most; later ones do not', () => {
  const seen = observed(good)
  const next = statusFor({})
  const first = { current: undefined, next, seen, lacksName: true, heldSinceMs: undefined, afterWakeMs: AFTER_WAKE_MS }
  expect(holdUntilMs(first)).toBe(NOW_MS + 1_000)
  expect(holdUntilMs({ ...first, heldSinceMs: NOW_MS - 1_000 })).toBeUndefined()
  expect(holdUntilMs({ ...first, lacksName: false })).toBeUndefined()
  expect(holdUntilMs({ ...first, current: { ...ASLEEP, observedGeneration: 1 } })).toBeUndefined()
})
