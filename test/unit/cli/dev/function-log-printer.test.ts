import { expect, test } from '@jest/globals'
import { createFunctionLogPrinter } from '../../../../cli/dev/function-log-printer.ts'

function printed(
  text: string,
  options: { verbose?: boolean; source?: 'default/hello' | 'shop/hello' | 'runtime:node' } = {},
) {
  let out = ''
  const print = createFunctionLogPrinter({
    paint: (_color, painted) => painted,
    verbose: options.verbose ?? false,
    write: (line) => (out += line),
    isBehind: () => false,
  })
  print({ source: options.source ?? 'default/hello', pod: 'p', stream: 'stdout', text })
  return out
}
const line = (level: string, text: string) => `2026-01-01T00:00:00.000Z\treq-1\t${level}\t${text}`

test.each([
  ['a user line loses time and request id', printed(line('INFO', 'hi\tthere')), 'hello | hi\tthere\n'],
  ['an error keeps its level', printed(line('ERROR', 'no')), 'hello | ERROR no\n'],
  ['other text stays as it is', printed('plain'), 'hello | plain\n'],
  [
    'every line of a record has a line',
    printed(line('ERROR', 'no\r  at a\r\r')),
    'hello | ERROR no\nhello |   at a\nhello | \n',
  ],
  ['one that ends as on Windows is one', printed('plain\r'), 'hello | plain\n'],
  ['another namespace is shown', printed('plain', { source: 'shop/hello' }), 'shop/hello | plain\n'],
  ['reports are not printed', printed('REPORT RequestId: 1 Duration: 2 ms'), ''],
  ['unless asked for', printed('END RequestId: 1', { verbose: true }), 'hello | END RequestId: 1\n'],
  ['nor what idle pods say', printed('noise', { source: 'runtime:node' }), ''],
])('%s', (_rule, out, want) => expect(out).toBe(want))

test('what comes while nobody reads is left out, and counted once somebody does', () => {
  let [out, isBehind] = ['', true]
  const print = createFunctionLogPrinter({
    paint: (_color, painted) => painted,
    verbose: false,
    write: (text) => (out += text),
    isBehind: () => isBehind,
  })
  const say = (text: string) => print({ source: 'default/hello', pod: 'p', stream: 'stdout', text })
  say('one')
  say('END RequestId: 1')
  say('two')
  isBehind = false
  say('three')
  say('four')
  expect(out).toBe('… 2 lines are not here: they came faster than they were read\nhello | three\nhello | four\n')
})
