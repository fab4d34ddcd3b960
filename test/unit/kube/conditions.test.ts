import { describe, expect, test } from '@jest/globals'
import { getCondition, setCondition, type ConditionInput } from '../../../kube/conditions.ts'

const EARLIER = Date.parse('2026-01-01T00:00:00.700Z')
const LATER = EARLIER + 60_000
const ready: ConditionInput = { type: 'Ready', status: 'True', reason: 'Serving', message: 'All is well.' }

describe('setCondition', () => {
  test('adds what is not there, with the time in whole seconds', () => {
    const conditions = setCondition(undefined, ready, EARLIER)
    expect(conditions).toEqual([{ ...ready, lastTransitionTime: '2026-01-01T00:00:00Z' }])
  })

  test('gives back the same array when nothing is new', () => {
    const conditions = setCondition(undefined, { ...ready, observedGeneration: 2 }, EARLIER)
    expect(setCondition(conditions, { ...ready, observedGeneration: 2 }, LATER)).toBe(conditions)
  })

  test.each([
    [{ reason: 'Other' }, '2026-01-01T00:00:00Z'],
    [{ message: 'Still well.' }, '2026-01-01T00:00:00Z'],
    [{ observedGeneration: 3 }, '2026-01-01T00:00:00Z'],
    [{ status: 'False' as const }, '2026-01-01T00:01:00Z'],
  ])('a change of %j makes a new list whose lastTransitionTime is %s', (change, wantTime) => {
    const conditions = setCondition(undefined, ready, EARLIER)
    const next = setCondition(conditions, { ...ready, ...change }, LATER)
    expect(next).not.toBe(conditions)
    expect(next).toEqual([{ ...ready, ...change, lastTransitionTime: wantTime }])
    expect(conditions).toEqual([{ ...ready, lastTransitionTime: '2026-01-01T00:00:00Z' }])
  })

  test('leaves the other conditions where they are', () => {
    const two = setCondition(setCondition(undefined, ready, EARLIER), { ...ready, type: 'Warm' }, EARLIER)
    const next = setCondition(two, { ...ready, status: 'False' }, LATER)
    expect(next.map(({ type, status }) => [type, status])).toEqual([
      ['Ready', 'False'],
      ['Warm', 'True'],
    ])
    expect(getCondition(next, 'Warm')).toBe(two[1])
    expect(getCondition(next, 'Cold')).toBeUndefined()
  })
})
