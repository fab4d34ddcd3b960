import { expect, test } from '@jest/globals'
import type { KubeObject } from '../../../../api/object.ts'
import { rolloutStatus } from '../../../../cli/rollout/rollout-status.ts'
import { describeRollout } from '../../../../cli/rollout/wait-for-rollout.ts'

function condition(type: string, status: string, [reason, message] = ['R', 'M.']): object {
  return { type, status, reason, message }
}
const fn = (observedGeneration: number | undefined, ...conditions: object[]): KubeObject =>
  ({ kind: 'Function', status: { observedGeneration, revision: 'ab11', conditions } }) as never

test.each([
  ['without a status', { kind: 'Function' } as never, { kind: 'pending', waitingFor: 'waits for the controller' }],
  [
    'observed too early',
    fn(1, condition('Ready', 'True')),
    { kind: 'pending', waitingFor: 'waits for the controller' },
  ],
  ['unknown', fn(2, condition('Ready', 'Unknown', ['RollingOut', 'Wait.'])), { kind: 'pending', waitingFor: 'Wait.' }],
  ['ready', fn(2, condition('Ready', 'True')), { kind: 'ready', revision: 'ab11' }],
  [
    'refused while the old one serves',
    fn(2, condition('Ready', 'False', ['CodeLoadFailed', 'bad']), condition('RolledOut', 'False')),
    { kind: 'failed', reason: 'CodeLoadFailed', message: 'bad', serving: 'ab11' },
  ],
  [
    'failed with nothing older',
    fn(2, condition('Ready', 'False', ['StartFailed', 'bad']), condition('RolledOut', 'True')),
    { kind: 'failed', reason: 'StartFailed', message: 'bad' },
  ],
] as const)('a function %s', (_name, object, want) => {
  expect(rolloutStatus(object, 2)).toEqual(want)
})

test('the line of a refused revision says that the old one goes on', () => {
  const end = {
    kind: 'failed',
    reason: 'CodeLoadFailed',
    message: 'SyntaxError: x (index.mjs:3:1)',
    serving: 'ab11',
  } as const
  expect(describeRollout('function/a', end, 12)).toBe(
    'function/a not ready: CodeLoadFailed: SyntaxError: x (index.mjs:3:1) — revision ab11 goes on',
  )
})
