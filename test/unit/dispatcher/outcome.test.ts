import { describe, expect, test } from '@jest/globals'
import { outcomeOfAnswer, outcomeOfProblem, type Answer } from '../../../dispatcher/deliver/outcome.ts'
import { PROBLEMS, ProblemError, type ProblemCode } from '../../../routing/problems.ts'

const answer = (status: number, headers: Answer['headers'] = {}, body = ''): Answer => ({
  ...{ status, headers, body: Buffer.from(body), isCut: false },
})
const failed = (errorClass: string) => ({ kind: 'failed', failure: { class: errorClass } })
const rejected = (errorClass: string) => ({ kind: 'rejected', failure: { class: errorClass } })

describe('an answer', () => {
  test.each([
    [200, {}, { kind: 'done', status: 200 }],
    [204, {}, { kind: 'done', status: 204 }],
    [301, {}, rejected('http-4xx')],
    [400, {}, rejected('http-4xx')],
    [404, {}, rejected('http-4xx')],
    [408, {}, failed('http-4xx')],
    [409, {}, failed('http-4xx')],
    [410, {}, rejected('http-4xx')],
    [413, {}, rejected('http-4xx')],
    [425, {}, failed('http-4xx')],
    [429, { 'retry-after': '5' }, failed('http-4xx')],
    [500, {}, failed('http-5xx')],
    [503, { 'retry-after': '5' }, failed('http-5xx')],
    [200, { 'dormouse-error': 'handled' }, failed('handled')],
    [500, { 'dormouse-error': 'handled' }, failed('handled')],
    [500, { 'dormouse-error': 'unhandled' }, failed('unhandled')],
    [504, { 'dormouse-error': 'timeout' }, failed('timeout')],
    [500, { 'dormouse-error': 'something new' }, failed('handled')],
  ])('of %p with headers %p', (status, headers, want) => {
    expect(outcomeOfAnswer(answer(status, headers))).toMatchObject(want)
  })

  const NOW = Date.parse('2026-11-28T21:00:00Z')
  test.each([
    [429, '5', 5_000],
    [503, ' 120 ', 120_000],
    [503, 'Sat, 28 Nov 2026 21:01:30 GMT', 90_000],
    [503, 'Saturday, 28-Nov-26 21:01:30 GMT', 90_000],
    [503, 'Sat, 28 Nov 2026 20:59:00 GMT', undefined],
    [429, '0', undefined],
    [429, '-5', undefined],
    [429, '1.5', undefined],
    [429, 'soon', undefined],
    [429, 'Sat, whenever GMT', undefined],
    // Only these two say when to come again (RFC 9110, RFC 6585).
    [500, '5', undefined],
    [408, '5', undefined],
  ])('of %p with Retry-After %j wants to be left alone for %p ms', (status, retryAfter, want) => {
    const outcome = outcomeOfAnswer(answer(status, { 'retry-after': retryAfter }), () => NOW)
    expect(outcome).toMatchObject({ kind: 'failed' })
    expect((outcome as { retryAfterMs?: number }).retryAfterMs).toBe(want)
  })

  test.each([
    ['an error object', '{"errorType":"OutOfStock","errorMessage":"none left"}', 'OutOfStock: none left'],
    ['an error object without type', '{"errorMessage":"none left"}', 'none left'],
    ['a problem', '{"title":"No","detail":"the pod is leaving"}', 'the pod is leaving'],
    ['text', 'upstream is down\nsecond line', 'the function answered 500: upstream is down'],
    ['nothing', '', 'the function answered 500'],
    ['an error object that is cut', '{"errorType":"E","errorMessage":"long \\"story', 'long \\"story'],
  ])('that fails says why by %s', (_, body, want) => {
    expect(outcomeOfAnswer(answer(500, {}, body))).toMatchObject({ failure: { message: want } })
  })

  test('that is an error object hands it on, unless it was cut', () => {
    const failing = answer(500, { 'dormouse-error': 'handled' }, '{"errorType":"OutOfStock"}')
    expect(outcomeOfAnswer(failing)).toMatchObject({ kind: 'failed', error: failing.body })
    expect(outcomeOfAnswer({ ...failing, isCut: true })).not.toHaveProperty('error')
    expect(outcomeOfAnswer(answer(500, {}, '{"errorType":"OutOfStock"}'))).not.toHaveProperty('error')
  })

  test('that succeeds hands its result on', () => {
    expect(outcomeOfAnswer(answer(201, { 'content-type': 'text/plain' }, 'hi'))).toEqual({
      ...{ kind: 'done', status: 201, contentType: 'text/plain', body: Buffer.from('hi') },
    })
  })
})

describe('a problem of the platform', () => {
  const HELD: ProblemCode[] = [
    ...(['cannot-wake', 'queue-full', 'pod-refused', 'runtime-missing', 'start-failed', 'start-timeout'] as const),
    ...(['stopping', 'unknown-function', 'code-load-failed', 'internal'] as const),
  ]
  const FAILED: [ProblemCode, string][] = [
    ['deadline-exceeded', 'timeout'],
    ['pod-died', 'connect'],
    ['bad-answer', 'unhandled'],
  ]

  test.each(HELD)('%s costs no attempt: the function could not run', (code) => {
    expect(outcomeOfProblem(new ProblemError(code, 'because'))).toMatchObject({ kind: 'held', reason: 'because' })
  })

  test.each(FAILED)('%s is a failed attempt of class %s', (code, errorClass) => {
    expect(outcomeOfProblem(new ProblemError(code, 'because'))).toMatchObject(failed(errorClass))
  })

  test('of any other kind is about the record, which is rejected', () => {
    const others = (Object.keys(PROBLEMS) as ProblemCode[]).filter(
      (code) => !HELD.includes(code) && !FAILED.some(([known]) => known === code),
    )
    for (const code of others) expect(outcomeOfProblem(new ProblemError(code, 'x'))).toMatchObject(rejected('decode'))
  })
})
