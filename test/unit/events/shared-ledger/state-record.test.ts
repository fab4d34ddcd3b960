import { expect, test } from '@jest/globals'
import type { InvocationState } from '../../../../events/invocation-ledger.ts'
import {
  boundedState,
  SHARED_RESULT_BYTES,
  stateOf,
  stateRecord,
  writerOf,
} from '../../../../events/shared-ledger/state-record.ts'

const STATE: InvocationState = {
  ...{ id: 'i', functionKey: 'default/hello', status: 'failed', acceptedAtMs: 1, attempts: 3, finishedAtMs: 2 },
  failure: { class: 'http-5xx', status: 503, message: 'down' },
  result: { status: 200, contentType: 'text/plain', body: Buffer.from([0, 255, 10]), truncated: false },
  destinationFailure: 'nobody there',
}

test('a state comes back as it was, under its id, with who wrote it', () => {
  const record = stateRecord('t', STATE, 'me')
  expect([record.topic, record.key?.toString(), writerOf(record)]).toEqual(['t', 'i', 'me'])
  expect(stateOf(record)).toEqual(STATE)
})

test('a record is small, however long result and messages are', () => {
  const long = 'x'.repeat(1_000_000)
  const state = boundedState({
    ...STATE,
    ...{ failure: { class: 'handled', message: long }, destinationFailure: long },
    result: { status: 200, contentType: 'text/plain', body: Buffer.from(long), truncated: false },
  })
  expect(state.result).toMatchObject({ truncated: true, body: Buffer.from(long.slice(0, SHARED_RESULT_BYTES)) })
  expect(stateRecord('t', state, 'me').value!.length).toBeLessThan(SHARED_RESULT_BYTES * 1.4 + 4_000)
})

test.each([null, '', '{', '{}', '[]', JSON.stringify({ ...STATE, status: 'lost', result: undefined })])(
  'what is no state is none: %p',
  (text) => {
    expect(stateOf({ value: text === null ? null : Buffer.from(text) })).toBeUndefined()
  },
)
