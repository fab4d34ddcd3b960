import { expect, test } from '@jest/globals'
import { parseHandlerName } from '../../../runtime-image/node/src/handler-name.ts'

test.each([
  ['index.handler', '', 'index', ['handler']],
  ['src/app/main.a.b', 'src/app/', 'main', ['a', 'b']],
  ['my-dir.d/main.handler', 'my-dir.d/', 'main', ['handler']],
])('%s is a directory, a file and a path of exports', (...[handler, directory, file, exports]) => {
  expect(parseHandlerName(handler)).toEqual({ kind: 'valid', directory, file, exports })
})

test.each(['', 'index', '.handler', 'index.', 'index..handler', '../index.handler', '/abs/index.handler', 'a/.b'])(
  '"%s" is malformed',
  (handler) => {
    expect(parseHandlerName(handler).kind).toBe('malformed')
  },
)
