import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { problemBody, ProblemError, problemOf, PROBLEMS } from '../../../routing/problems.ts'

test('docs/problems.md lists exactly the catalogue, with status and Retry-After', () => {
  const text = readFileSync(new URL('../../../docs/problems.md', import.meta.url), 'utf8')
  const rows = [...text.matchAll(/^\| `([a-z-]+)` \| (\d+) \| (?:(\d+) s)? ?\|/gm)]
  const documented = rows.map(([, code, status, retry]) => [
    code,
    Number(status),
    retry === undefined ? undefined : Number(retry),
  ])
  const wanted = Object.entries(PROBLEMS).map(([code, { status, retryAfterSeconds }]) => [
    code,
    status,
    retryAfterSeconds,
  ])
  expect(documented).toEqual(wanted)
})

test('a code of the controller that the catalogue does not know counts as cannot-wake and keeps its message', () => {
  expect(problemOf({ code: 'moon-phase', message: 'full' })).toMatchObject({
    code: 'cannot-wake',
    status: 503,
    message: 'full',
  })
  expect(problemOf({ code: 'code-load-failed', message: 'x' })).toMatchObject({ status: 502 })
  expect(problemOf({ code: 'constructor', message: 'x' }).code).toBe('cannot-wake')
})

test('Retry-After is whole seconds, at least one', () => {
  expect(problemOf({ code: 'cannot-wake', message: '', retryAfterMs: 10 }).retryAfterSeconds).toBe(1)
  expect(problemOf({ code: 'cannot-wake', message: '', retryAfterMs: 1_001 }).retryAfterSeconds).toBe(2)
})

test('the body has RFC 9457’s members, the code, and the request id as instance', () => {
  expect(JSON.parse(problemBody(new ProblemError('queue-full', 'why'), 'id-1'))).toEqual({
    type: 'https://dormouse.dev/problems#queue-full',
    title: PROBLEMS['queue-full'].title,
    status: 429,
    code: 'queue-full',
    detail: 'why',
    instance: 'id-1',
  })
})
