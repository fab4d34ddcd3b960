import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { chooseVictims } from '../../../../controller/autoscaler/victims.ts'

const pod = (uid: string, inFlight: number, createdAtMs: number) => ({ uid, inFlight, createdAtMs })

test.each([
  { rule: 'idle ones first', pods: [pod('busy', 3, 1), pod('idle', 0, 9)], count: 1, want: ['idle'] },
  { rule: 'then the least busy', pods: [pod('a', 3, 1), pod('b', 1, 2), pod('c', 2, 3)], count: 2, want: ['b', 'c'] },
  { rule: 'among equals the oldest', pods: [pod('young', 0, 9), pod('old', 0, 1)], count: 1, want: ['old'] },
  { rule: 'never more than there are', pods: [pod('a', 0, 1)], count: 5, want: ['a'] },
  { rule: 'none for a count below one', pods: [pod('a', 0, 1)], count: -2, want: [] },
])('$rule', ({ pods, count, want }) => {
  expect(chooseVictims(pods, count)).toEqual(want)
})

test('the choice does not depend on the order pods are listed in', () => {
  const pods = fc.uniqueArray(fc.record({ uid: fc.string(), inFlight: fc.nat(3), createdAtMs: fc.nat(3) }), {
    selector: ({ uid }) => uid,
  })
  fc.assert(
    fc.property(pods, fc.nat(10), (some, count) => {
      expect(chooseVictims([...some].reverse(), count)).toEqual(chooseVictims(some, count))
    }),
  )
})
