import { expect, test } from '@jest/globals'
import { isTraceparent } from '../../../lib/trace-context.ts'

const IDS = '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331'

test.each([
  [`00-${IDS}-01`, true],
  [`01-${IDS}-01`, true],
  [`01-${IDS}-01-what-comes-later`, true],
  [`00-${IDS}-01-nothing-may-follow`, false],
  [`ff-${IDS}-01`, false],
  [`01-${IDS}-01.`, false],
  [`00-${IDS.toUpperCase()}-01`, false],
  [`00-${'0'.repeat(32)}-b7ad6b7169203331-01`, false],
  [`00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`, false],
  [`cc-${IDS}-01-${'x'.repeat(300)}`, false],
  ['', false],
  [undefined, false],
])('%s is a traceparent: %s', (text, is) => {
  expect(isTraceparent(text)).toBe(is)
})
