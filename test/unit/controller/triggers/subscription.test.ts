import { describe, expect, test } from '@jest/globals'
import type { Trigger } from '../../../../api/trigger.ts'
import { parseManifest } from '../../../../api/validate.ts'
import { feedMessageSchema } from '../../../../api/protocol.ts'
import { subscriptionOf } from '../../../../controller/triggers/subscription.ts'
import { cronManifest, kafkaManifest, triggerManifest } from '../../../builders/manifests.ts'

/** As the API server stores it, with defaults. */
function subscription(manifest: object) {
  const parsed = parseManifest(manifest)
  if (parsed.kind === 'invalid') throw new Error(parsed.sentence)
  const metadata = { ...parsed.object.metadata, namespace: 'shop', uid: 'u1', resourceVersion: '1' }
  const trigger = { ...parsed.object, metadata: { ...metadata, creationTimestamp: '2026-01-01T00:00:00Z' } } as Trigger
  return subscriptionOf({ key: 'shop/hello', functionKey: 'shop/mail', functionExists: false, trigger })
}

const SHARED = {
  trigger: 'shop/hello',
  uid: 'u1',
  function: 'shop/mail',
  retry: { maxAttempts: 5, backoff: { initialMs: 1_000, factor: 2, maxMs: 300_000 }, maxAgeMs: 86_400_000 },
  onExhausted: 'deadLetter',
  keepDeadLetters: true,
}

test('an http Trigger subscribes to nothing', () => {
  expect(subscription(triggerManifest())).toBeUndefined()
})

test('a kafka Trigger that names only its topics gets what the documentation promises', () => {
  expect(subscription(kafkaManifest())).toEqual({
    ...SHARED,
    source: 'kafka',
    topics: ['orders'],
    startFrom: 'latest',
    ordering: 'unordered',
    filters: [],
  })
})

test.each([
  ['2026-01-31T12:00:00Z', Date.UTC(2026, 0, 31, 12)],
  ['2026-01-31T12:00:00.123456789+01:30', Date.UTC(2026, 0, 31, 10, 30, 0, 123)],
  ['1970-01-01T00:00:00+05:00', 0],
])('a kafka Trigger that begins at %s begins at that millisecond', (startTimestamp, timestampMs) => {
  const { startFrom } = subscription(kafkaManifest({ startFrom: 'timestamp', startTimestamp }))!
  expect(startFrom).toEqual({ timestampMs })
})

test('a cron Trigger reads its own topic from when it was made on: ticks before are of one that had its name', () => {
  expect(subscription(cronManifest())).toEqual({
    ...SHARED,
    source: 'cron',
    topics: ['dormouse.shop.hello.ticks'],
    startFrom: { timestampMs: Date.parse('2026-01-01T00:00:00Z') },
    ordering: 'unordered',
    filters: [],
  })
})

test('a part of retry leaves the rest as it is', () => {
  const { retry, onExhausted } = subscription(kafkaManifest({}, { retry: { maxAttempts: 2 } }))!
  expect({ retry, onExhausted }).toEqual({ retry: { ...SHARED.retry, maxAttempts: 2 }, onExhausted: 'deadLetter' })
})

const MORE = [{ type: { anythingBut: ['a', 'b'] }, 'data.total': { numeric: { gte: 1, lt: 2.5 } } }]

describe('everything that can be said of a kafka Trigger is passed on', () => {
  const all = subscription(
    kafkaManifest(
      {
        topics: ['orders', 'returns'],
        ordering: 'key',
        startFrom: 'earliest',
        filters: [{ type: { prefix: 'shop.' }, 'data.total': { exact: '0' } }, { key: { suffix: '-test' } }, ...MORE],
        batch: { size: 7, window: '1.5s', bisect: true },
      },
      {
        retry: {
          maxAttempts: 9,
          backoff: { initial: '250ms', factor: 1.5, max: '1h' },
          maxAge: '7h',
          onExhausted: 'block',
        },
        deadLetter: { keep: false },
      },
    ),
  )!

  test('in milliseconds', () => {
    expect(all).toEqual({
      trigger: 'shop/hello',
      uid: 'u1',
      function: 'shop/mail',
      source: 'kafka',
      topics: ['orders', 'returns'],
      startFrom: 'earliest',
      ordering: 'key',
      filters: [{ type: { prefix: 'shop.' }, 'data.total': { exact: '0' } }, { key: { suffix: '-test' } }, ...MORE],
      batch: { size: 7, windowMs: 1_500, bisect: true },
      retry: { maxAttempts: 9, backoff: { initialMs: 250, factor: 1.5, maxMs: 3_600_000 }, maxAgeMs: 25_200_000 },
      onExhausted: 'block',
      keepDeadLetters: false,
    })
  })

  test('and read by data planes as it was written', () => {
    const since = { ...all, trigger: 'shop/since', startFrom: { timestampMs: 1_700_000_000_000 } }
    const line = {
      type: 'change',
      version: 1,
      functions: [],
      removedFunctions: [],
      endpoints: [],
      removedEndpoints: [],
    }
    expect(feedMessageSchema.parse({ ...line, subscriptions: [all, since] })).toHaveProperty('subscriptions', [
      all,
      since,
    ])
  })
})
