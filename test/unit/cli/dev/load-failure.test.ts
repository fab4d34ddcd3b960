import { expect, test } from '@jest/globals'
import { describeLoadFailure } from '../../../../cli/dev/load-failure.ts'

const inApp = (file: string) => `app/src/${file}`

test.each([
  ['Revision ab12 does not load: SyntaxError: no (index.mjs:3:1).', 'app/src/index.mjs:3:1 SyntaxError: no'],
  ['Revision ab12 does not load: E: f(x) (lib/a.mjs:7).', 'app/src/lib/a.mjs:7 E: f(x)'],
  ['Revision ab12 does not load: E: no place at all.', 'Revision ab12 does not load: E: no place at all.'],
])('%s', (message, want) => {
  expect(describeLoadFailure(message, inApp)).toBe(want)
})
