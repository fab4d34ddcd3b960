import { describe, expect, test } from '@jest/globals'
import type { DeadLetterInfo, InvocationInfo, SubscriptionInfo } from '../../../api/events-api.ts'
import { deadLetterTable, describeDeadLetter, moveSentence } from '../../../cli/output/dead-letters.ts'
import { describeInvocation, resultBytes } from '../../../cli/output/invocation.ts'
import { cut, formatPayload, formatRecord } from '../../../cli/output/payload.ts'
import { consumptionSection } from '../../../cli/output/trigger-state.ts'
import { timeOf } from '../../../cli/time-option.ts'

const NOW = Date.parse('2026-01-31T12:00:00Z')
const before = (ms: number) => new Date(NOW - ms).toISOString()

test.each([
  ['10m', before(600_000)],
  ['1h30m', before(5_400_000)],
  ['2d', before(172_800_000)],
  ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.000Z'],
])('the time %s is %s', (text, time) => {
  expect(timeOf('--since', text, NOW)).toBe(time)
})

test('a time that is none is refused in one sentence', () => {
  expect(() => timeOf('--since', 'soon', NOW)).toThrow(
    '--since: expected a time such as 2026-01-31T12:00:00Z or a duration such as 10m, got "soon"',
  )
})

test('payloads stay in their line', () => {
  expect(formatPayload({ text: 'a\nb\tc' }, '')).toBe('a\\nb\\tc')
  expect(formatPayload({ base64: 'AAE=' }, '')).toBe('base64:AAE=')
  expect(formatPayload(null, '(none)')).toBe('(none)')
  expect([cut('abcd', 4), cut('abcde', 4)]).toEqual(['abcd', 'abc…'])
})

const RECORD = { topic: 't', partition: 1, offset: 2, timestamp: before(0), key: null, value: null, headers: [] }

test('a record says where it is, when, its key and value', () => {
  expect(formatRecord(RECORD)).toBe('t/1@2  2026-01-31T12:00:00.000Z  key=(none)  (tombstone)')
})

const LETTER: DeadLetterInfo = {
  ...{ ...RECORD, timestamp: before(90_000), key: { text: 'ada' }, value: { text: '{\n}' } },
  ...{ id: '1-2', deliveryId: 'd', class: 'handled', status: 500, attempts: 3, redriveCount: 1 },
  message: `TypeError: ${'x'.repeat(100)}`,
  origin: { topic: 'orders', partition: 4, offset: 5, timestamp: before(100_000) },
}

describe('dead letters', () => {
  test('in a table have a message that fits', () => {
    const [head, row] = deadLetterTable([LETTER], NOW).split('\n')
    expect(head?.split(/ {3,}/)).toEqual(['ID', 'AGE', 'CLASS', 'ATTEMPTS', 'KEY', 'MESSAGE'])
    expect(row).toMatch(/^1-2 +90s +handled +3 +ada +TypeError: x{48}…$/)
  })

  test('of a batch that cannot be decoded say which part of which batch they are', () => {
    const letter = { ...LETTER, batch: { firstOffset: 5, lastOffset: 9, part: 2, parts: 3 } }
    expect(deadLetterTable([letter], NOW)).toContain('(2 of 3) TypeError')
    expect(describeDeadLetter(letter, NOW)).toMatch(
      /^Batch: +the value is part 2 of 3 of the bytes of the batch of offsets 5 to 9, as stored; it cannot be redriven$/m,
    )
  })

  test('in full lose nothing', () => {
    const text = describeDeadLetter(LETTER, NOW)
    expect(text).toContain(LETTER.message)
    expect(text).toMatch(/^Class: +handled \(status 500\)$/m)
    expect(text).toMatch(/^Origin: +orders\/4@5 of /m)
    expect(text).toMatch(/^Value:\n {2}\{\n {2}\}\n$/m)
  })

  test('moved are counted', () => {
    expect(moveSentence({ matched: 0, moved: 0, refused: [] }, 'purged', false)).toBe('no dead letter fits')
    expect(moveSentence({ matched: 1, moved: 1, refused: [] }, 'purged', false)).toBe('1 dead letter purged')
    expect(moveSentence({ matched: 2, moved: 0, refused: [] }, 'redriven', true)).toBe(
      '2 dead letters would be redriven',
    )
  })
})

test('an invocation says how it ended and what comes next', () => {
  const info: InvocationInfo = {
    ...{ id: 'i', function: 'default/f', status: 'retrying', attempts: 1, acceptedAt: before(5_000) },
    nextAttemptAt: before(-3_000),
    failure: { class: 'handled', message: 'no' },
  }
  const text = describeInvocation(info, NOW)
  expect(text).toMatch(/^Next attempt: \S+ \(in 3s\)$/m)
  expect(text).toMatch(/^Failure: +handled: no$/m)
  expect(text).not.toContain('Finished')
})

test('a result is what the function answered', () => {
  const bytes = (body: NonNullable<InvocationInfo['result']>['body']) =>
    resultBytes({ status: 200, contentType: '', truncated: false, body }).toString('latin1')
  expect([bytes({ json: { a: 1 } }), bytes({ text: 'x' }), bytes({ base64: 'AAE=' }), bytes(null)]).toEqual([
    '{"a":1}',
    'x',
    '\u0000\u0001',
    '',
  ])
})

describe('how a trigger stands', () => {
  const QUIET: SubscriptionInfo = {
    ...{
      key: 'default/t',
      sources: [],
      tiers: [],
      lag: 0,
      running: 0,
      waitingForRetry: 0,
      done: 0,
      filtered: 0,
      held: 0,
    },
    ...{ duplicatesSkipped: 0, publishFailures: 0, failed: {}, rejected: {}, retriedAfterMs: {}, deadLetters: {} },
    ...{ recentErrors: [], circuit: 'closed', circuitOpened: 0, due: 0 },
    ...{ commits: { done: 0, failed: 0 }, logErrors: { count: 0 } },
  }

  test('when nothing happened', () => {
    const text = consumptionSection(QUIET, NOW)
    expect(text).toMatch(/^ {2}Attempts: +0 done, 0 failed, 0 rejected$/m)
    expect(text).toMatch(/^ {2}Holding: +no$/m)
    expect(text).toMatch(/^ {2}Due: +0$/m)
    expect(text).toMatch(/^ {2}Circuit: +closed$/m)
    expect(text).toMatch(/^ {2}Commits: +0$/m)
    expect(text).not.toMatch(/Log errors/)
    expect(text).toMatch(/^Last errors: +none$/m)
    expect(text).toMatch(/^Partitions: +none with records$/m)
  })

  test('shows partitions with records, and retry tiers while something waits there', () => {
    const quiet = { topic: 'orders', partition: 0, position: 0, end: 0, lag: 0, buffered: 0, running: 0 }
    const partition = { ...quiet, notDue: 0, waitingInPlace: 0, blocked: 0, isPaused: false }
    const text = consumptionSection(
      {
        ...QUIET,
        sources: [partition, { ...partition, partition: 1, position: 5, end: 5 }],
        tiers: [
          { ...partition, topic: 'tier', position: 2, end: 2 },
          { ...partition, topic: 'tier', partition: 3, end: 2, lag: 2, notDue: 2 },
        ],
      },
      NOW,
    )
    expect(text.slice(text.indexOf('Partitions:')).match(/^ {2}(?:orders|tier) +\d/gm)).toEqual([
      expect.stringMatching(/orders +1/),
      expect.stringMatching(/tier +3/),
    ])
  })

  test('when much did', () => {
    const error = { deliveryId: 'd', attempt: 2, class: 'timeout', message: 'too\nlong' }
    const text = consumptionSection(
      {
        ...{ ...QUIET, done: 5, held: 1, failed: { timeout: 2, handled: 1 }, retriedAfterMs: { 10: 1, 60_000: 2 } },
        ...{ deadLetters: { timeout: 1 }, waitingForRetry: 4, circuit: 'open', circuitOpened: 3, holding: 'no pod' },
        ...{ due: 12, oldestDueAgeMs: 90_000, commits: { done: 40, failed: 2, meanMs: 3.14, lastMs: 12.3 } },
        logErrors: { count: 2, last: { atMs: NOW - 10_000, message: 'no\nbroker' } },
        recentErrors: [
          { ...error, atMs: NOW - 9_000 },
          { ...error, atMs: NOW - 1_000 },
        ],
      },
      NOW,
    )
    expect(text).toMatch(/^ {2}Attempts: +5 done, 3 failed \(timeout 2, handled 1\), 0 rejected, 1 held$/m)
    expect(text).toMatch(/^ {2}Retries: +3 \(after 10ms 1, after 60s 2\), 4 waiting$/m)
    expect(text).toMatch(/^ {2}Dead letters: +1 \(timeout 1\)$/m)
    expect(text).toMatch(/^ {2}Holding: +no pod$/m)
    expect(text).toMatch(/^ {2}Due: +12, the oldest not done for 90s$/m)
    expect(text).toMatch(/^ {2}Circuit: +open, opened 3 times$/m)
    expect(text).toMatch(/^ {2}Commits: +40, mean 3.1 ms, last 12 ms, 2 failed$/m)
    expect(text).toMatch(/^ {2}Log errors: +2, the last 10s ago: no broker$/m)
    expect(text).toMatch(/1s +timeout +2 +d +too long\n {2}9s /)
  })
})
