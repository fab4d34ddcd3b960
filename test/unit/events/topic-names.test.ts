import { describe, expect, test } from '@jest/globals'
import {
  asyncTopic,
  deadLetterTopic,
  retryTopic,
  tierDelayMs,
  tiersAmong,
  triggerGroup,
} from '../../../events/topic-names.ts'

describe('names', () => {
  const trigger = { kind: 'trigger' as const, key: 'shop/mailer' }
  const fn = { kind: 'async' as const, key: 'shop/mailer' }

  test('a Trigger and a Function of one name have topics of their own', () => {
    expect(retryTopic(trigger, 500)).toBe('dormouse.shop.mailer.retry.500')
    expect(retryTopic(fn, 500)).toBe('dormouse.shop.mailer.async.retry.500')
    expect([deadLetterTopic(trigger), deadLetterTopic(fn)]).toEqual([
      'dormouse.shop.mailer.dlt',
      'dormouse.shop.mailer.async.dlt',
    ])
    expect(asyncTopic('shop/mailer')).toBe('dormouse.shop.mailer.async')
  })

  test('a Trigger’s tiers are told from those of others', () => {
    const topics = [
      retryTopic(trigger, 1),
      retryTopic(fn, 2),
      retryTopic({ ...trigger, key: 'shop/mailer2' }, 3),
      'dormouse.shop.mailer.retry.x',
    ]
    expect(tiersAmong(topics, trigger)).toEqual(['dormouse.shop.mailer.retry.1'])
    expect(tiersAmong(topics, fn)).toEqual(['dormouse.shop.mailer.async.retry.2'])
    expect([tierDelayMs(retryTopic(fn, 2)), tierDelayMs('orders')]).toEqual([2, undefined])
  })

  test('a Trigger made anew reads in another group', () => {
    expect(triggerGroup('a/b', '11111111-x')).not.toBe(triggerGroup('a/b', '22222222-x'))
  })

  test('names that are too long are cut and stay different', () => {
    const long = (end: string) => retryTopic({ kind: 'trigger', key: `${'n'.repeat(200)}/${'t'.repeat(100)}${end}` }, 1)
    expect(long('a').length).toBeLessThanOrEqual(249)
    expect(long('a')).not.toBe(long('b'))
  })
})
