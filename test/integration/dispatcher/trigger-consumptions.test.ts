import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { TriggerConsumptions } from '../../../dispatcher/triggers/trigger-consumptions.ts'
import { EventBed } from '../../builders/event-bed.ts'
import { feedSubscription } from '../../builders/feed.ts'

let bed: EventBed
let triggers: TriggerConsumptions
beforeEach(() => {
  bed = new EventBed()
  triggers = new TriggerConsumptions(bed.engine())
})
afterEach(async () => {
  await triggers.stop()
  await bed.stop()
})

const follow = async (...subscriptions: Parameters<TriggerConsumptions['set']>[0]) => {
  triggers.set(subscriptions)
  await bed.settle()
}
/** Keys of the Triggers that call the function. */
const of = (functionKey: string) =>
  [...triggers.of(functionKey)].flatMap(({ states }) => [...states].map(({ subscription }) => subscription.key))

test('a function knows the Triggers that call it, as they come, change and go, and no others', async () => {
  const one = feedSubscription({ trigger: 'default/one', uid: '1' })
  const two = feedSubscription({ trigger: 'default/two', uid: '2' })
  await follow(one, two)
  expect([of('default/hello'), of('default/other')]).toEqual([['default/one', 'default/two'], []])
  await follow(one, { ...two, function: 'default/other' })
  expect([of('default/hello'), of('default/other')]).toEqual([['default/one'], ['default/two']])
  await follow({ ...one, filters: [{ type: { exact: 'a' } }] })
  expect([of('default/hello'), of('default/other')]).toEqual([['default/one'], []])
  await follow()
  expect([...triggers.of('default/hello'), ...triggers.of('default/other')]).toEqual([])
})
