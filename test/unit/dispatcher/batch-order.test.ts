import { expect, test } from '@jest/globals'
import { heldUp } from '../../../dispatcher/deliver/batch-order.ts'
import type { DeliveryOutcome } from '../../../events/delivery.ts'
import type { Ordering } from '../../../events/subscription.ts'
import { delivery } from '../../builders/delivery.ts'

const DONE: DeliveryOutcome = { kind: 'done' }
const FAILED: DeliveryOutcome = { kind: 'failed', failure: { class: 'handled', message: 'no' } }
const HELD: DeliveryOutcome = { kind: 'held', reason: 'no pod', retryAfterMs: 1 }
const REJECTED: DeliveryOutcome = { kind: 'rejected', failure: { class: 'decode', message: 'no' } }

const a1 = delivery({ offset: 1, key: 'a' })
const b1 = delivery({ offset: 2, key: 'b' })
const a2 = delivery({ offset: 3, key: 'a' })
const b2 = delivery({ offset: 4, key: 'b' })
const none = delivery({ offset: 5 })

test.each<[Ordering, DeliveryOutcome, number[]]>([
  ['unordered', FAILED, []],
  ['key', FAILED, [3]],
  ['partition', FAILED, [3, 4, 5]],
  ['unordered', HELD, [3, 4, 5]],
  ['key', HELD, [3, 4, 5]],
  ['partition', HELD, [3, 4, 5]],
  ['key', REJECTED, []],
  ['partition', REJECTED, []],
  ['key', DONE, []],
])('with ordering %s after %j the records %j of what is left wait', (ordering, outcome, want) => {
  const sent = new Map([
    [a1, outcome],
    [b1, DONE],
  ])
  const waiting = heldUp(ordering, sent, [a2, b2, none])
  expect([...waiting.keys()].map(({ record }) => record.offset)).toEqual(want)
})

test('records without a key hold up nobody', () => {
  expect(heldUp('key', new Map([[none, FAILED]]), [delivery({ offset: 9 }), a2]).size).toBe(0)
})
