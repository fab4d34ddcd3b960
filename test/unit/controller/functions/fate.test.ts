import { expect, test } from '@jest/globals'
import { describeLoadError } from '../../../../controller/functions/fate.ts'

const FILES = ['index.mjs', 'lib/a.mjs', 'a.mjs']
const error = (errorMessage: string, trace: string[] = []) => ({ errorType: 'SyntaxError', errorMessage, trace })

test.each([
  { rule: 'type and message', given: error('bad'), want: 'SyntaxError: bad' },
  {
    rule: 'the place in a file URL',
    given: error('bad', ['file:///code/index.mjs:3', '}']),
    want: 'SyntaxError: bad (index.mjs:3)',
  },
  {
    rule: 'line and column of a frame',
    given: error('bad', ['    at f (file:///code/lib/a.mjs:3:5)']),
    want: 'SyntaxError: bad (lib/a.mjs:3:5)',
  },
  {
    rule: 'the first of our files, not of the platform',
    given: error('bad', ['at node:internal/x:1:1', 'at /code/index.mjs:9:1']),
    want: 'SyntaxError: bad (index.mjs:9:1)',
  },
  {
    rule: 'no file whose name only ends alike',
    given: error('bad', ['at /code/b-index.mjs:9:1']),
    want: 'SyntaxError: bad',
  },
  {
    rule: 'no place twice',
    given: error('bad at index.mjs:3:1', ['/code/index.mjs:3:1']),
    want: 'SyntaxError: bad at index.mjs:3:1',
  },
  { rule: 'one line only', given: error('bad\n  more\n  and more'), want: 'SyntaxError: bad' },
])('a load error reads as $rule', ({ given, want }) => {
  expect(describeLoadError(given, FILES)).toBe(want)
})

test('a message of any length is cut', () => {
  expect(describeLoadError(error('x'.repeat(1e6)), FILES).length).toBeLessThan(1_100)
})
