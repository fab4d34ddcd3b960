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
  })
  print({ source: options.source ?? 'default/hello', pod: 'p', stream: 'stdout', text })
  return out
}
const line = (level: string, text: string) => `2026-01-01T00:00:00.000Z\treq-1\t${level}\t${text}`

test.each([
  ['a user line loses time and request id', printed(line('INFO', 'hi\tthere')), 'hello | hi\tthere\n'],
  ['an error keeps its level', printed(line('ERROR', 'no')), 'hello | ERROR no\n'],
  ['other text stays as it is', printed('plain'), 'hello | plain\n'],
  ['another namespace is shown', printed('plain', { source: 'shop/hello' }), 'shop/hello | plain\n'],
  ['reports are not printed', printed('REPORT RequestId: 1 Duration: 2 ms'), ''],
  ['unless asked for', printed('END RequestId: 1', { verbose: true }), 'hello | END RequestId: 1\n'],
  ['nor what idle pods say', printed('noise', { source: 'runtime:node' }), ''],
])('%s', (_rule, out, want) => expect(out).toBe(want))
