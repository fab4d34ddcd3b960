import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { causesOf, errorRecord } from '../../../runtime-image/node/src/error-record.ts'

const refused = Object.assign(new Error('connect ECONNREFUSED /code/socket'), { code: 'ECONNREFUSED' })
const twoAddresses = Object.assign(new AggregateError([refused, new TypeError('other')]), { code: 'ECONNREFUSED' })
const fetchFailed = new TypeError('fetch failed', { cause: twoAddresses })

describe('the record of an error', () => {
  test('has its code, what caused it and the errors it is made of, paths relative', () => {
    expect(errorRecord('/code', fetchFailed)).toMatchObject({
      errorType: 'TypeError',
      errorMessage: 'fetch failed',
      cause: {
        errorType: 'AggregateError',
        errorMessage: '',
        code: 'ECONNREFUSED',
        errors: [
          { errorMessage: 'connect ECONNREFUSED socket', code: 'ECONNREFUSED' },
          { errorType: 'TypeError', errorMessage: 'other' },
        ],
      },
    })
  })

  test('is the error object where there is no more to tell', () => {
    const odd = Object.assign(new Error('x'), { code: {}, cause: null, errors: [{ path: 'a' }] })
    expect(Object.keys(errorRecord('/code', odd))).toEqual(['errorType', 'errorMessage', 'trace'])
  })

  test('ends though causes go round in circles', () => {
    const round: Error = new Error('round')
    round.cause = round
    expect(JSON.stringify(errorRecord('/code', round)).match(/"errorMessage":"round"/g)).toHaveLength(4)
    expect(causesOf(round)).toBe('round')
  })

  test('can be had of whatever is thrown', () => {
    const hostile = Object.defineProperty(new Error('x'), 'cause', {
      get: () => {
        throw new Error('no')
      },
    })
    expect(errorRecord('/code', hostile).errorMessage).toBe('x')
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (thrown) => {
        const record = errorRecord('/code', new Error('x', { cause: thrown }))
        expect(JSON.parse(JSON.stringify(record))).toEqual(record)
      }),
    )
  })
})

test('causes in one line are the messages that there are, each once', () => {
  expect(causesOf(fetchFailed)).toBe('connect ECONNREFUSED /code/socket; other')
  expect(causesOf(new Error('alone'))).toBe('')
  expect(causesOf('text')).toBe('')
})
