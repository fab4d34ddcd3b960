import { expect, test } from '@jest/globals'
import { describeLoadError } from '../../../../controller/functions/fate.ts'

const FILES = ['index.mjs', 'lib/index.mjs', 'lib/a.mjs', 'a.mjs']
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
  {
    rule: 'the file that is named whole, not one whose name it ends with',
    given: error('bad', ['    at new Shop (lib/index.mjs:3:5)']),
    want: 'SyntaxError: bad (lib/index.mjs:3:5)',
  },
  {
    rule: 'the source that a source map names, not the package it calls, nor a file of the same name',
    given: error('bad', [
      '    at node:internal/x:1:1',
      '    at parse (../node_modules/zod/index.mjs:1:1)',
      '    at new C (../src/index.mjs:3:5)',
      '    at index.mjs:7:1',
    ]),
    want: 'SyntaxError: bad (../src/index.mjs:3:5)',
  },
  {
    rule: 'one line, whatever the message is',
    given: error('\n[\n  {\n    "path": ["DB"]\n  }\n]'),
    want: 'SyntaxError: [ { "path": ["DB"] } ]',
  },
  {
    rule: 'what is missing, not who required it',
    given: error("Cannot find module 'a'\nRequire stack:\n- /code/index.js"),
    want: "SyntaxError: Cannot find module 'a'",
  },
])('a load error reads as $rule', ({ given, want }) => {
  expect(describeLoadError(given, FILES)).toBe(want)
})

test('a message of any length is cut', () => {
  expect(describeLoadError(error('x'.repeat(1e6)), FILES).length).toBeLessThan(1_100)
})

test('a frame of any length is looked at in no time', () => {
  const long = `    at ${'x'.repeat(200_000)} (${'index.mjs'.repeat(5_000)}`
  const startedAt = performance.now()
  expect(describeLoadError(error('bad', [long, long]), FILES)).toBe('SyntaxError: bad')
  expect(performance.now() - startedAt).toBeLessThan(1_000)
})
