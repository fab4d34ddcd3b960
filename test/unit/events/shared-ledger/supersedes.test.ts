import { expect, test } from '@jest/globals'
import type { InvocationStatus } from '../../../../events/invocation-ledger.ts'
import { supersedes } from '../../../../events/shared-ledger/supersedes.ts'

type Short = [InvocationStatus, number]

const ROWS: [string, Short, Short | undefined, boolean][] = [
  ['whatever comes first counts', ['queued', 0], undefined, true],
  ['an attempt begins', ['running', 1], ['queued', 0], true],
  ['it succeeds', ['succeeded', 1], ['running', 1], true],
  ['it fails and is tried again', ['retrying', 1], ['running', 1], true],
  ['the next attempt begins', ['running', 2], ['retrying', 1], true],
  ['an attempt that did not come about is taken back', ['queued', 0], ['running', 1], true],
  ['and a later one, too', ['retrying', 1], ['running', 2], true],
  ['a gateway is late to say that it is queued', ['queued', 0], ['succeeded', 1], false],
  ['or very late', ['queued', 0], ['retrying', 2], false],
  ['a dispatcher is late to say that an attempt failed', ['retrying', 1], ['succeeded', 2], false],
  ['or that it failed for good', ['failed', 1], ['running', 2], false],
  ['a destination could not be told', ['succeeded', 1], ['succeeded', 1], true],
  ['a dead letter is replayed', ['running', 1], ['failed', 3], true],
]

test.each(ROWS.map(([title, next, known, want]) => ({ title, next, known, want })))(
  '$title',
  ({ next, known, want }) => {
    const before = known && { status: known[0], attempts: known[1] }
    expect(supersedes({ status: next[0], attempts: next[1] }, before)).toBe(want)
  },
)
