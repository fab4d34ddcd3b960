import { expect, test } from '@jest/globals'
import { traceId } from '../../../runtime-image/node/src/context.ts'
import { timeoutMessage, userLine } from '../../../runtime-image/node/src/log-format.ts'
import { reportHeader, reportLine } from '../../../runtime-image/node/src/report.ts'
import { placeIn } from '../../../runtime-image/node/src/syntax-error.ts'

test('a log record is one line whatever its message', () => {
  const line = userLine({ time: new Date(0), requestId: 'r', level: 'INFO', message: 'a\nb\r\nc' })
  expect(line).toBe('1970-01-01T00:00:00.000Z\tr\tINFO\ta\rb\rc\n')
})

test('a report bills started milliseconds, at least one', () => {
  const report = { durationMs: 12.345, memoryMb: 128, maxMemoryMb: 60 }
  expect(reportHeader(report)).toBe('duration=12.35,billed=13,memory=128,max-memory=60')
  expect(reportHeader({ ...report, durationMs: 0, initMs: 45.1 })).toBe(
    'duration=0.00,billed=1,memory=128,max-memory=60,init=45.10',
  )
  expect(reportLine('r', report)).toBe(
    'REPORT RequestId: r\tDuration: 12.35 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\tMax Memory Used: 60 MB\t\n',
  )
})

test('a timeout is told in seconds with two digits', () => {
  expect(timeoutMessage(3000)).toBe('Task timed out after 3.00 seconds')
})

test.each([
  [
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
    'Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=0',
  ],
  ['nonsense', undefined],
  [undefined, undefined],
])('traceparent %s is trace id %s', (traceparent, want) => {
  expect(traceId(traceparent)).toBe(want)
})

test.each([
  ['/t/a.js:3\n  let x = {;\n           ^\n\nSyntaxError: x', { file: '/t/a.js', line: 3, column: 12 }],
  ['file:///t/a.mjs:1\nimport {x} from "b"\n        ^\nSyntaxError: x', { file: '/t/a.mjs', line: 1, column: 9 }],
  ['SyntaxError: x\n    at f (a.js:1:1)', undefined],
])('the place of a syntax error is read from what Node prints above it', (text, want) => {
  expect(placeIn(text)).toEqual(want)
})
