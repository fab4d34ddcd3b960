import { describe, expect, test } from '@jest/globals'
import {
  destinationOf,
  destinationRecord,
  followingId,
  type FinalEnd,
} from '../../../dispatcher/invocations/destination.ts'
import { endState, runningState, waitingState } from '../../../dispatcher/invocations/state.ts'
import type { Failure } from '../../../events/delivery.ts'
import { delivery, logRecord, type RecordTexts } from '../../builders/delivery.ts'
import { subscription } from '../../builders/event-bed.ts'

const policy = {
  ...{ maxAttempts: 3, maxAgeMs: 1, backoff: { initialMs: 1, factor: 1, maxMs: 1 } },
  ...{ onSuccess: { topic: 'good' }, onFailure: { topic: 'bad' } },
}
const origin = { topic: 'a', partition: 0, offset: 0, timestampMs: 1_000 }
const context = (part: RecordTexts = {}) => ({
  subscription: subscription({ kind: 'async', functionKey: 'shop/mail' }),
  record: logRecord(part),
  meta: { deliveryId: 'd-1', attempt: 2, origin, redriveCount: 0 },
  attempt: 2,
})
const done = (part: RecordTexts = {}, body = '{"ok":true}'): FinalEnd => ({
  ...{ kind: 'done', ...context(part), outcome: { kind: 'done', status: 201, body: Buffer.from(body) } },
})
const told = (end: FinalEnd, nowMs: number): unknown => JSON.parse(destinationRecord(end, nowMs))
const dead = (failure: Failure, part: RecordTexts = {}): FinalEnd => ({ kind: 'deadLetter', ...context(part), failure })

describe('who is told', () => {
  test('depends on how it ended; nobody when nobody is named', () => {
    expect(destinationOf(policy, done())).toEqual({ topic: 'good' })
    expect(destinationOf(policy, dead({ class: 'timeout', message: '' }))).toEqual({ topic: 'bad' })
    expect(destinationOf(undefined, done())).toBeUndefined()
  })

  test('is nobody when it was stopped as a loop', () => {
    const loop = { headers: { 'dormouse-hops': '17' } }
    expect(destinationOf(policy, dead({ class: 'unhandled', message: '' }, loop))).toBeUndefined()
  })

  test('gets the same id when it is told again, another for another end, each a UUID', () => {
    const id = followingId('d-1', 'done')
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(followingId('d-1', 'done')).toBe(id)
    expect(new Set([id, followingId('d-1', 'deadLetter'), followingId('d-2', 'done')]).size).toBe(3)
  })
})

describe('the record', () => {
  test.each<[string, Failure, object]>([
    ['too often', { class: 'handled', message: 'no', status: 500 }, { condition: 'RetriesExhausted' }],
    ['too old', { class: 'expired', message: 'old' }, { condition: 'EventAgeExceeded' }],
  ])('of one that failed %s says so', (_, failure, want) => {
    expect(told(dead(failure), 0)).toMatchObject({ requestContext: want })
  })

  test.each([
    ['JSON', '{"a":1}', { a: 1 }],
    ['text', 'hello', 'hello'],
    ['nothing', null, null],
    ['bytes', Buffer.from([0, 255]), 'AP8='],
  ])('has a payload of %s as JSON can have it', (_, value, want) => {
    expect(told(done({ value }), 0)).toMatchObject({ requestPayload: want })
  })

  test('has the digits of numbers that no double holds', () => {
    const record = destinationRecord(done({ value: '{"id":12345678901234567890}' }, '[9223372036854775807]'), 0)
    expect(record).toContain('"requestPayload":{"id":12345678901234567890}')
    expect(record).toContain('"responsePayload":[9223372036854775807]')
  })

  test('has payloads that are nested deeper than anybody could write them anew', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    const record = destinationRecord(done({ value: deep }, deep), 0)
    expect(record).toContain(`"requestPayload":${deep},"responseContext":`)
    expect(record.endsWith(`"responsePayload":${deep}}`)).toBe(true)
  })
})

describe('what the record says of a failure', () => {
  const failure: Failure = { class: 'handled', message: 'RangeError: no such currency', status: 500 }
  const ended = (error?: string): FinalEnd => ({
    ...{ kind: 'deadLetter', ...context(), failure },
    ...(error !== undefined && { error: Buffer.from(error) }),
  })

  test('is the error object of the function, as in Lambda', () => {
    const error = { errorType: 'RangeError', errorMessage: 'no such currency', trace: ['RangeError: …'] }
    expect(told(ended(JSON.stringify(error)), 0)).toMatchObject({
      responseContext: { functionError: 'Handled' },
      responsePayload: error,
    })
  })

  test.each([
    ['it answered none', undefined],
    ['it is no JSON', '{"errorType":'],
    ['it is empty', ''],
    ['a record may have no room for it', JSON.stringify({ errorType: 'E', errorMessage: 'x'.repeat(16 * 1024) })],
  ])('is its class and message where %s', (_, error) => {
    expect(told(ended(error), 0)).toMatchObject({
      responsePayload: { errorType: 'handled', errorMessage: failure.message },
    })
  })
})

describe('the state of an invocation', () => {
  test('while it runs, and while it cannot', () => {
    const first = delivery({}, { deliveryId: 'd-1' })
    expect(runningState(first, 'shop/mail')).toMatchObject({ status: 'running', attempts: 1 })
    expect(waitingState(first, 'shop/mail')).toMatchObject({ status: 'queued', attempts: 0 })
    expect(waitingState({ ...first, attempt: 3 }, 'shop/mail')).toMatchObject({ status: 'retrying', attempts: 2 })
  })

  test('at its end', () => {
    const failure: Failure = { class: 'handled', message: 'no' }
    const base = { id: 'd-1', functionKey: 'shop/mail', acceptedAtMs: 1_000, attempts: 2 }
    expect(endState(done(), 9)).toMatchObject({
      ...base,
      status: 'succeeded',
      finishedAtMs: 9,
      result: { status: 201 },
    })
    expect(endState(dead(failure), 9)).toEqual({ ...base, status: 'failed', finishedAtMs: 9, failure })
    expect(endState({ ...context(), kind: 'retry', failure, dueMs: 20 }, 9)).toEqual({
      ...base,
      ...{ status: 'retrying', nextAttemptAtMs: 20, failure },
    })
  })
})
