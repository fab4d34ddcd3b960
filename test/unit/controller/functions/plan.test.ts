import { describe, expect, test } from '@jest/globals'
import type { FunctionObservation } from '../../../../controller/functions/observe.ts'
import { plan } from '../../../../controller/functions/plan.ts'
import type { Action } from '../../../../controller/functions/plan.ts'
import { NOW_MS, broken, loads, observed, pod, pods, stored } from '../../../builders/function-observation.ts'

const told = (action: Action) => {
  switch (action.kind) {
    case 'store-revision':
      return `store ${action.template.revision} as ${action.number}`
    case 'mark-broken':
    case 'delete-revision':
      return `${action.kind} ${action.name}`
    case 'verify':
      return `verify ${action.isUpdate ? 'changed' : 'first'} ${action.template.revision}`
    case 'start':
      return `start ${action.pods} ${action.template.revision}`
    case 'retire':
      return `retire: ${action.reason}`
  }
}
const actions = (seen: Partial<FunctionObservation>) => {
  const { before, after } = plan(observed(seen))
  return [...before, ...after].map(told)
}
const retired = (seen: Partial<FunctionObservation>) =>
  plan(observed(seen)).after.flatMap((action) => (action.kind === 'retire' ? [action.uid] : []))
const failure = (retryAtMs: number) =>
  new Map([['r2', { kind: 'start' as const, attempts: 1, message: 'x', atMs: NOW_MS, retryAtMs }]])
const serving = { servingRevision: 'r2', fates: new Map([['r2', loads]]) }
const OLD_MS = 4_000_000

const table: { rule: string; seen: Partial<FunctionObservation>; want: string[] }[] = [
  { rule: 'nothing for a function that sleeps', seen: serving, want: [] },
  {
    rule: 'the revision is stored before it is started',
    seen: { stored: [stored('r1', 6)], desired: 1 },
    want: ['store r2 as 7', 'start 1 r2'],
  },
  {
    rule: 'what was found broken is written down once',
    seen: { fates: new Map([['r2', broken]]) },
    want: ['mark-broken web-r2'],
  },
  {
    rule: 'and not again',
    seen: { fates: new Map([['r2', broken]]), stored: [{ ...stored('r2'), broken }] },
    want: [],
  },
  { rule: 'start what is missing', seen: { ...serving, desired: 3, pods: [pod('r2')] }, want: ['start 2 r2'] },
  {
    rule: 'starting pods count',
    seen: { ...serving, desired: 3, pods: [pod('r2'), pod('r2', 'starting')] },
    want: ['start 1 r2'],
  },
  { rule: 'starts that have no pod yet count', seen: { ...serving, desired: 3, pendingStarts: () => 3 }, want: [] },
  {
    rule: 'pods of other revisions do not',
    seen: { ...serving, desired: 1, pods: [pod('r1')] },
    want: ['start 1 r2', 'retire: its revision is not served any more'],
  },
  {
    rule: 'retire what is too many',
    seen: { ...serving, desired: 1, pods: pods(3, 'r2') },
    want: ['retire: scaled down', 'retire: scaled down'],
  },
  { rule: 'never one that still starts', seen: { ...serving, pods: [pod('r2', 'starting')] }, want: [] },
  {
    rule: 'nor a ready one in its favour',
    seen: { ...serving, desired: 1, pods: [pod('r2'), pod('r2', 'starting')] },
    want: [],
  },
  {
    rule: 'not decided yet: keep what is there',
    seen: { ...serving, pods: pods(3, 'r2'), desired: undefined as unknown as number },
    want: [],
  },
  {
    rule: 'min is kept though nobody calls',
    seen: { ...serving, scaling: { ...observed().scaling, min: 2 } },
    want: ['start 2 r2'],
  },
  { rule: 'a failed start is waited out', seen: { ...serving, desired: 2, failures: failure(NOW_MS + 500) }, want: [] },
  { rule: 'and then tried again', seen: { ...serving, desired: 2, failures: failure(NOW_MS) }, want: ['start 2 r2'] },
  {
    rule: 'a first revision is loaded once in the background',
    seen: { verifyFirstRevision: true },
    want: ['verify first r2'],
  },
  {
    rule: 'a pod that starts anyway is waited for instead',
    seen: { verifyFirstRevision: true, pods: [pod('r2', 'starting')] },
    want: [],
  },
  {
    rule: 'one whose turn has not come in time is not loaded ahead of its first call',
    seen: { verifyFirstRevision: true, letGoAtMs: NOW_MS },
    want: [],
  },
  { rule: 'a wanted pod is that load', seen: { verifyFirstRevision: true, desired: 1 }, want: ['start 1 r2'] },
  {
    rule: 'a changed revision is loaded beside the old one',
    seen: { servingRevision: 'r1', desired: 1, pods: [pod('r1')] },
    want: ['verify changed r2'],
  },
  {
    rule: 'a proven one gets the pods it needs',
    seen: { servingRevision: 'r1', desired: 3, pods: [...pods(3, 'r1'), pod('r2')], fates: new Map([['r2', loads]]) },
    want: ['start 2 r2'],
  },
  {
    rule: 'the old one is scaled meanwhile',
    seen: { servingRevision: 'r1', desired: 2, pods: [pod('r1'), pod('r2', 'starting')] },
    want: ['start 1 r1'],
  },
  {
    rule: 'after the switch the old pods go',
    seen: { servingRevision: 'r1', desired: 1, pods: [pod('r1'), pod('r2')], fates: new Map([['r2', loads]]) },
    want: ['retire: its revision is not served any more'],
  },
  {
    rule: 'pods of a refused revision go',
    seen: {
      servingRevision: 'r1',
      desired: 1,
      pods: [pod('r1'), pod('r2', 'starting')],
      fates: new Map([['r2', broken]]),
      stored: [{ ...stored('r2', 2), broken }, stored('r1')],
    },
    want: ['retire: its revision is not served any more'],
  },
  {
    rule: 'three old revisions are kept',
    seen: { ...serving, stored: ['r2', 'r9', 'r8', 'r7', 'r6', 'r5'].map((name, index) => stored(name, 9 - index)) },
    want: ['delete-revision web-r6', 'delete-revision web-r5'],
  },
  {
    rule: 'a pod past its age gets a replacement first',
    seen: { ...serving, desired: 1, pods: [pod('r2', 'ready', OLD_MS)] },
    want: ['start 1 r2'],
  },
  {
    rule: 'it stays while the replacement starts',
    seen: { ...serving, desired: 1, pods: [pod('r2', 'ready', OLD_MS), pod('r2', 'starting')] },
    want: [],
  },
  {
    rule: 'and goes when the replacement is ready',
    seen: { ...serving, desired: 1, pods: [pod('r2', 'ready', OLD_MS), pod('r2')] },
    want: ['retire: reached maxPodAge'],
  },
  {
    rule: 'one at a time',
    seen: { ...serving, desired: 2, pods: [pod('r2', 'ready', OLD_MS), pod('r2', 'ready', OLD_MS)] },
    want: ['start 1 r2'],
  },
  {
    rule: 'a rollout replaces them anyway',
    seen: { servingRevision: 'r1', desired: 1, pods: [pod('r1', 'ready', OLD_MS), pod('r2', 'starting')] },
    want: [],
  },
]
test.each(table)('$rule', ({ seen, want }) => {
  expect(actions(seen)).toEqual(want)
})

test('the idle pod goes, not the busy one', () => {
  const [busy, idle] = pods(2, 'r2')
  const inFlight = new Map([[busy!.uid, 1]])
  expect(retired({ ...serving, desired: 1, pods: [busy!, idle!], inFlight })).toEqual([idle!.uid])
})

describe('looking again', () => {
  test('at nothing that sleeps', () => {
    expect(plan(observed(serving)).lookAgainAtMs).toBeUndefined()
  })

  test('when a failed start may be tried again', () => {
    const seen = observed({ ...serving, desired: 1, failures: failure(NOW_MS + 500) })
    expect(plan(seen).lookAgainAtMs).toBe(NOW_MS + 500)
  })

  test('when the first pod reaches its age, at most a tenth early and not all at once', () => {
    const times = pods(20, 'r2').map((it) => plan(observed({ ...serving, desired: 1, pods: [it] })).lookAgainAtMs!)
    for (const atMs of times) {
      expect(atMs).toBeGreaterThan(NOW_MS - 60_000 + 0.9 * 3_600_000 - 1)
      expect(atMs).toBeLessThanOrEqual(NOW_MS - 60_000 + 3_600_000)
    }
    expect(new Set(times).size).toBeGreaterThan(10)
  })
})

test('the book says what serves: the serving revision as it is, and the scaling of the latest spec', () => {
  const { serving: said } = plan(observed({ servingRevision: 'r1', pods: [pod('r1')] }))
  expect(said).toMatchObject({
    key: 'default/web',
    uid: 'u1',
    template: { revision: 'r1' },
    scaling: { max: 10 },
    concurrency: 1,
  })
  const none = plan(observed({ fates: new Map([['r2', broken]]) })).serving
  expect(none).toMatchObject({ broken: { code: 'code-load-failed', message: broken.message } })
  expect(none.template).toBeUndefined()
})
