import { describe, expect, test } from '@jest/globals'
import { FailureBook } from '../../../../controller/activation/failures.ts'
import { CodeLoadError, PodStartError } from '../../../../controller/fleet/fleet.ts'

const loadError = new CodeLoadError({ errorType: 'SyntaxError', errorMessage: 'Unexpected token', trace: [] })
const startError = new PodStartError('start-failed', 'no room')
const template = { revision: 'r1', files: {} }

describe('FailureBook', () => {
  test('remembers code that does not load for 5 s, twice as long each time it is tried again, a minute at most', () => {
    const book = new FailureBook()
    const delays: number[] = []
    let nowMs = 0
    for (let round = 0; round < 6; round += 1) {
      const { untilMs } = book.failed('a/b', { template, error: loadError, nowMs })
      delays.push(untilMs - nowMs)
      nowMs = untilMs
    }
    expect(delays).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000])
  })

  test('counts pods that were started together and failed together once', () => {
    const book = new FailureBook()
    book.failed('a/b', { template, error: loadError, nowMs: 0 })
    expect(book.failed('a/b', { template, error: loadError, nowMs: 10 }).attempts).toBe(1)
  })

  test('knows nothing of another revision, after its time, or once forgotten', () => {
    const book = new FailureBook()
    book.failed('a/b', { template, error: startError, nowMs: 0 })
    expect(book.current('a/b', 'r1', 499)).toMatchObject({ code: 'cannot-wake', final: false })
    expect(book.current('a/b', 'r2', 0)).toBeUndefined()
    expect(book.current('a/b', 'r1', 500)).toBeUndefined()
    book.failed('a/b', { template, error: startError, nowMs: 0 })
    book.forget('a/b')
    expect(book.current('a/b', 'r1', 0)).toBeUndefined()
  })
})
