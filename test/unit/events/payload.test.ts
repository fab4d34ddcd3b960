import { expect, test } from '@jest/globals'
import { invocationInfo } from '../../../events/payload.ts'

test('the result of an invocation has the digits of numbers that no double holds', () => {
  const result = { status: 200, contentType: 'text/plain', truncated: false, body: Buffer.from('12345678901234567890') }
  const known = { id: 'i', functionKey: 'shop/price', status: 'succeeded' as const, acceptedAtMs: 0, attempts: 1 }
  expect(JSON.stringify(invocationInfo({ ...known, result }))).toContain('"body":{"json":12345678901234567890}')
})
