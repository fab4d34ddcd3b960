import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { errorObject, relativeTo } from '../../../runtime-image/node/src/error-object.ts'

test('an error is its name, message and stack lines', () => {
  const object = errorObject(new RangeError('far'))
  expect(object).toMatchObject({ errorType: 'RangeError', errorMessage: 'far' })
  expect(object.trace[0]).toBe('RangeError: far')
  expect(object.trace.length).toBeGreaterThan(1)
})

test.each<[unknown, string, string]>([
  ['text', 'string', 'text'],
  [7, 'number', '7'],
  [null, 'object', 'null'],
  [undefined, 'undefined', 'undefined'],
  [{ a: 1 }, 'object', '[object Object]'],
  [Object.create(null), 'object', '[object Object]'],
  [Symbol('s'), 'symbol', 'Symbol(s)'],
  [10n, 'bigint', '10'],
])('what is no error (%p) is told by typeof and toString', (thrown, errorType, errorMessage) => {
  expect(errorObject(thrown)).toEqual({ errorType, errorMessage, trace: [] })
})

test('an object with the parts of an error is told as one, as in Lambda; one that lacks a part is not', () => {
  const likeOne = { name: 'OutOfStock', message: 'none left', stack: 'OutOfStock: none left\n    at shop.mjs:1:1' }
  expect(errorObject(likeOne)).toEqual({
    ...{ errorType: 'OutOfStock', errorMessage: 'none left' },
    trace: ['OutOfStock: none left', '    at shop.mjs:1:1'],
  })
  expect(errorObject({ ...likeOne, stack: '' })).toMatchObject({ errorType: 'object' })
  expect(errorObject({ ...likeOne, message: 5 })).toMatchObject({ errorType: 'object' })
})

test('an error whose parts are odd is still told', () => {
  const odd = Object.assign(new Error('x'), { name: undefined, message: { deep: true }, stack: 5 })
  expect(errorObject(odd)).toEqual({ errorType: 'undefined', errorMessage: '[object Object]', trace: [] })
  const hostile = Object.defineProperty(new Error('x'), 'message', {
    get: () => {
      throw new Error('no')
    },
  })
  expect(errorObject(hostile).errorType).toBe('Runtime.UnreadableError')
})

test.each<[string, () => unknown]>([
  [
    'throws',
    () => {
      throw new Error('no')
    },
  ],
  ['is no text', () => [{}]],
])('an error whose stack %s has its name and message', (_how, get) => {
  const error = Object.defineProperty(new RangeError('far'), 'stack', { get })
  expect(errorObject(error)).toEqual({ errorType: 'RangeError', errorMessage: 'far', trace: [] })
})

test.each([
  ['an error', new Error('\0'.repeat(8e6))],
  ['a string', '\0'.repeat(8e6)],
])('%s of any length fits into an answer, and says how long it was', (_what, thrown) => {
  const object = errorObject(thrown)
  expect(JSON.stringify(object).length).toBeLessThan(6 * 1024 * 1024)
  expect(object.errorMessage).toMatch(/… \(8000000 characters\)$/)
})

test('anything that can be thrown gives three fields of the right types that survive JSON', () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }), (thrown) => {
      const object = errorObject(thrown)
      expect(JSON.parse(JSON.stringify(object))).toEqual(object)
      expect(typeof object.errorType).toBe('string')
      expect(typeof object.errorMessage).toBe('string')
    }),
  )
})

test('paths below the code directory become relative, others stay', () => {
  const trace = [
    'Error: in /tmp/code-1',
    '    at f (file:///tmp/code-1/a/b.mjs:1:2)',
    '    at g (/tmp/code-1/c.js:3:4)',
    '    at h (/usr/lib/d.js:5:6)',
    '    at i (file:///tmp/src/e.ts:7:8)',
    '    at async /tmp/src/e.ts:9:10',
    'no frame: /tmp/src/e.ts',
  ]
  expect(relativeTo('/tmp/code-1', { errorType: 'E', errorMessage: '', trace }).trace).toEqual([
    'Error: in .',
    '    at f (a/b.mjs:1:2)',
    '    at g (c.js:3:4)',
    '    at h (/usr/lib/d.js:5:6)',
    '    at i (../src/e.ts:7:8)',
    '    at async ../src/e.ts:9:10',
    'no frame: /tmp/src/e.ts',
  ])
})
