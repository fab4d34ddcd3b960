import { describe, expect, test } from '@jest/globals'
import {
  judgeInspection,
  type InspectedHealth,
  type InspectionInput,
} from '../../../../controller/fleet/inspection-policy.ts'

const runs = { function: 'a/b', revision: 'r1' }
const answered = (health: InspectedHealth): InspectionInput['outcome'] => ({ kind: 'answered', health })
const specialized = answered({ state: 'specialized', ...runs })
const input = (change: Partial<InspectionInput>): InspectionInput => ({
  label: 'generic',
  outcome: answered({ state: 'generic' }),
  exists: true,
  isProven: true,
  isNew: false,
  canFinish: false,
  attempts: 1,
  isUp: true,
  healthTimeoutMs: 2_000,
  ...change,
})
const claimed = { label: 'claimed', labelled: { function: 'a/b', revision: 'r1' } } as const

describe('judgeInspection', () => {
  const cases: [string, InspectionInput, object][] = [
    ['a generic pod waits', input({}), { kind: 'idle' }],
    ['a lost label is repaired', input({ outcome: specialized }), { kind: 'adopt', ...runs, repair: true }],
    [
      'a function that neither a label nor a proof names is waited for: labels may be on their way',
      input({ outcome: specialized, isProven: false, attempts: 19 }),
      { kind: 'ask-again' },
    ],
    [
      'a pod that alone says what it runs goes at last',
      input({ outcome: specialized, isProven: false, attempts: 20 }),
      { why: { reason: 'unknown-function' } },
    ],
    [
      'labels need no proof beside them: not every runtime repeats it',
      input({ ...claimed, outcome: specialized, isProven: false }),
      { kind: 'adopt', ...runs, repair: false },
    ],
    [
      'a claimed pod is believed when it agrees',
      input({ ...claimed, outcome: specialized }),
      { kind: 'adopt', ...runs, repair: false },
    ],
    [
      'what runs something unknown is asked again: that may be on its way here',
      input({ outcome: specialized, exists: false, attempts: 3 }),
      { kind: 'ask-again' },
    ],
    [
      'what runs something that is gone goes',
      input({ outcome: specialized, exists: false, attempts: 4 }),
      { why: { reason: 'unknown-function' } },
    ],
    [
      'a pod that nobody has heard of is asked soon again',
      input({ outcome: { kind: 'unreachable' }, isUp: false, attempts: 19 }),
      { kind: 'ask-again', afterMs: 100 },
    ],
    [
      'a pod that nobody has heard of is not given up: it may still boot',
      input({ outcome: { kind: 'unreachable' }, isUp: false, attempts: 20 }),
      { kind: 'not-up' },
    ],
    [
      'a claimed pod that runs something else goes',
      input({ ...claimed, outcome: answered({ state: 'specialized', function: 'a/b', revision: 'r2' }) }),
      { why: { reason: 'unknown-function' } },
    ],
    [
      'one that was made for its function is generic until its maker tells it',
      input({ ...claimed, isNew: true, canFinish: true, attempts: 5 }),
      { kind: 'ask-again' },
    ],
    [
      'one that its maker does not tell for long is told by who leads',
      input({ ...claimed, isNew: true, canFinish: true, attempts: 6 }),
      { kind: 'finish' },
    ],
    [
      'one that nobody can tell is asked again',
      input({ ...claimed, isNew: true, attempts: 59 }),
      { kind: 'ask-again' },
    ],
    [
      'one that nobody has told at last goes',
      input({ ...claimed, isNew: true, attempts: 60 }),
      { why: { reason: 'silent' } },
    ],
    ['a claimed pod that is generic was restarted', input(claimed), { why: { reason: 'restarted' } }],
    [
      'a pod whose code did not load is spent',
      input({ outcome: answered({ state: 'specialized', ...runs, failed: {} }) }),
      { why: { reason: 'start-failed' } },
    ],
    ['null is not a failure', input({ outcome: answered({ state: 'generic', failed: null }) }), { kind: 'idle' }],
    [
      'a pod that loads is asked again',
      input({ outcome: answered({ state: 'specializing', ...runs }) }),
      { kind: 'ask-again' },
    ],
    [
      'a pod that never finishes loading goes',
      input({ outcome: answered({ state: 'specializing' }), attempts: 120 }),
      { why: { reason: 'silent' } },
    ],
    ['a pod that is ending goes', input({ outcome: answered({ state: 'leaving' }) }), { kind: 'give-up' }],
    [
      'a silent pod may be busy until its function times out',
      input({ ...claimed, outcome: { kind: 'silent' }, attempts: 7, functionTimeoutMs: 10_000 }),
      { kind: 'ask-again' },
    ],
    [
      'a pod that is silent for longer than any invocation takes is stuck',
      input({ ...claimed, outcome: { kind: 'silent' }, attempts: 8, functionTimeoutMs: 10_000 }),
      { kind: 'give-up', why: { reason: 'silent' } },
    ],
    ['nobody there is asked once more', input({ outcome: { kind: 'unreachable' } }), { kind: 'ask-again' }],
    [
      'nobody there twice goes',
      input({ outcome: { kind: 'unreachable' }, attempts: 2 }),
      { why: { reason: 'silent' } },
    ],
    [
      'a claimed pod that is busy keeps its time',
      input({ ...claimed, outcome: { kind: 'silent' }, attempts: 300 }),
      { kind: 'ask-again' },
    ],
    [
      'a waiting pod that hangs goes',
      input({ outcome: { kind: 'silent' }, attempts: 5 }),
      { why: { reason: 'silent' } },
    ],
    [
      'a pod that does not say what it runs goes',
      input({ outcome: answered({ state: 'specialized', function: null }) }),
      { why: { reason: 'unknown-function' } },
    ],
  ]
  test.each(cases)('%s', (_name, given, want) => expect(judgeInspection(given)).toMatchObject(want))
})
