import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { SecretText } from '../../../runtime-image/node/src/secret-text.ts'

test('only the same text matches', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (ours, given) => {
      expect(new SecretText(ours).matches(given)).toBe(ours === given)
      expect(new SecretText(ours).matches(ours)).toBe(true)
    }),
  )
  expect(new SecretText('a').matches(undefined)).toBe(false)
})

test('one character more, less or other does not match', () => {
  const secret = new SecretText('abcdef')
  for (const given of ['abcde', 'abcdefg', 'bbcdef', 'abcdeg', 'abCdef', '']) expect(secret.matches(given)).toBe(false)
})
