import { expect, test } from '@jest/globals'
import { isTraceparent, traceparentOfXray } from '../../../lib/trace-context.ts'

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

const ROOT = 'Root=1-0af76519-16cd43dd8448eb211c80319c'

test.each([
  [`${ROOT};Parent=b7ad6b7169203331;Sampled=1`, `00-${IDS}-01`],
  [`Self=1-2-3; Parent=b7ad6b7169203331; ${ROOT};Lineage=a:1`, `00-${IDS}-00`],
  [ROOT, undefined],
  ['Root=1-0;Parent=b7ad6b7169203331', undefined],
  [';=;', undefined],
])('%s of X-Ray is the traceparent %s', (header, traceparent) => {
  expect(traceparentOfXray(header)).toBe(traceparent)
})
