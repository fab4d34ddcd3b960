import { expect, test } from '@jest/globals'
import { z } from 'zod'
import { parseEnvironment } from '../../../lib/environment.ts'
import { portVariable } from '../../../lib/environment-types.ts'

const schema = z.object({ TOKEN_FILE: z.string(), PORT: portVariable(80) })

test('an environment as expected is taken', () => {
  expect(parseEnvironment(schema, { TOKEN_FILE: '/token', OTHER: '1' })).toEqual({ TOKEN_FILE: '/token', PORT: 80 })
})

test.each([
  [{}, 'TOKEN_FILE: expected a value, it is not set'],
  [{ TOKEN_FILE: '/token', PORT: 'http' }, 'PORT: expected a number, got "http"'],
  [{ TOKEN_FILE: '/token', PORT: '' }, 'PORT: expected a number, got ""'],
  [{ PORT: '70000' }, /^TOKEN_FILE: expected a value, it is not set\nPORT: Too big: expected number to be <=65535$/],
])('%j is told variable by variable', (environment, message) => {
  expect(() => parseEnvironment(schema, environment)).toThrow(message)
})
