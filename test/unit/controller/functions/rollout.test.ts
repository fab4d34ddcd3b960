import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { FunctionObservation } from '../../../../controller/functions/observe.ts'
import { plan } from '../../../../controller/functions/plan.ts'
import { decideRollout } from '../../../../controller/functions/rollout.ts'
import { broken, loads, observed, pod, pods, stored, template } from '../../../builders/function-observation.ts'

const fates = (entries: Record<string, typeof loads | typeof broken>) => new Map(Object.entries(entries))

interface Row {
  rule: string
  seen: Partial<FunctionObservation>
  /** Stage, and the revision that serves. */
  want: string
  /** Candidate and the pods it needs. */
  candidate?: string
}

const table: Row[] = [
  { rule: 'a first revision serves at once', seen: {}, want: 'serves r2' },
  { rule: 'and is loaded once when asked to', seen: { verifyFirstRevision: true }, want: 'verifying r2' },
  {
    rule: 'which is over when it has loaded',
    seen: { verifyFirstRevision: true, fates: fates({ r2: loads }) },
    want: 'serves r2',
  },
  {
    rule: 'one whose turn to be loaded has not come in time waits no longer',
    seen: { verifyFirstRevision: true, letGoAtMs: 0 },
    want: 'serves r2',
  },
  {
    rule: 'one whose pod is on its way then is waited for',
    seen: { verifyFirstRevision: true, letGoAtMs: 0, pods: [pod('r2', 'starting')] },
    want: 'verifying r2',
  },
  {
    rule: 'one whose pod failed is tried again until it loads',
    seen: {
      verifyFirstRevision: true,
      letGoAtMs: 0,
      failures: new Map([['r2', { kind: 'start', attempts: 1, message: 'no room', atMs: 0, retryAtMs: 0 }]]),
    },
    want: 'verifying r2',
  },
  {
    rule: 'a first revision that is broken: nothing serves',
    seen: { fates: fates({ r2: broken }) },
    want: 'code-broken none',
  },
  {
    rule: 'a first revision without its Runtime: nothing serves',
    seen: { runtimes: new Map() },
    want: 'runtime-missing none',
  },
  {
    rule: 'pods that are up do not need the Runtime',
    seen: { servingRevision: 'r2', runtimes: new Map(), pods: [pod('r2')] },
    want: 'serves r2',
  },
  {
    rule: 'a changed one is tried beside the old',
    seen: { servingRevision: 'r1' },
    want: 'rolling-out r1',
    candidate: 'r2 × 0',
  },
  {
    rule: 'one that loads takes over from an old one that sleeps',
    seen: { servingRevision: 'r1', fates: fates({ r2: loads }) },
    want: 'serves r2',
  },
  {
    rule: 'one that loads needs as many pods as the old one first',
    seen: {
      servingRevision: 'r1',
      desired: 1,
      fates: fates({ r2: loads }),
      pods: [...pods(3, 'r1'), ...pods(2, 'r2')],
    },
    want: 'rolling-out r1',
    candidate: 'r2 × 3',
  },
  {
    rule: 'starting pods of the old one count',
    seen: {
      servingRevision: 'r1',
      desired: 1,
      fates: fates({ r2: loads }),
      pods: [pod('r1'), pod('r1', 'starting'), pod('r2')],
    },
    want: 'rolling-out r1',
    candidate: 'r2 × 2',
  },
  {
    rule: 'starting pods of the new one do not',
    seen: {
      servingRevision: 'r1',
      desired: 2,
      fates: fates({ r2: loads }),
      pods: [...pods(2, 'r1'), pod('r2'), pod('r2', 'starting')],
    },
    want: 'rolling-out r1',
    candidate: 'r2 × 2',
  },
  {
    rule: 'with as many it takes over',
    seen: {
      servingRevision: 'r1',
      desired: 2,
      fates: fates({ r2: loads }),
      pods: [...pods(2, 'r1'), ...pods(2, 'r2')],
    },
    want: 'serves r2',
  },
  {
    rule: 'with as many as are wanted, when more are wanted',
    seen: {
      servingRevision: 'r1',
      desired: 4,
      fates: fates({ r2: loads }),
      pods: [...pods(2, 'r1'), ...pods(3, 'r2')],
    },
    want: 'rolling-out r1',
    candidate: 'r2 × 4',
  },
  {
    rule: 'never more than max',
    seen: {
      servingRevision: 'r1',
      desired: 40,
      fates: fates({ r2: loads }),
      pods: [...pods(12, 'r1'), ...pods(10, 'r2')],
    },
    want: 'serves r2',
  },
  {
    rule: 'at least min',
    seen: { servingRevision: 'r1', fates: fates({ r2: loads }), scaling: { ...observed().scaling, min: 1 } },
    want: 'rolling-out r1',
    candidate: 'r2 × 1',
  },
  {
    rule: 'a broken change leaves the old one',
    seen: { servingRevision: 'r1', fates: fates({ r2: broken }) },
    want: 'code-broken r1',
  },
  {
    rule: 'a change to a missing Runtime too',
    seen: { servingRevision: 'r1', target: template('r2', 'cobol') },
    want: 'runtime-missing r1',
  },
  {
    rule: 'broken on a Runtime that has changed is unknown again',
    seen: { servingRevision: 'r1', fates: fates({ r2: broken }), runtimes: new Map([['node', 'n/2']]) },
    want: 'rolling-out r1',
    candidate: 'r2 × 0',
  },
  {
    rule: 'an old one that turned out broken protects nothing',
    seen: { servingRevision: 'r1', fates: fates({ r1: broken }) },
    want: 'serves r2',
  },
  { rule: 'an old one that is stored nowhere protects nothing', seen: { servingRevision: 'r0' }, want: 'serves r2' },
  {
    rule: 'edited back: what serves is what is wanted',
    seen: { target: template('r1'), servingRevision: 'r1', pods: [pod('r1'), pod('r2')] },
    want: 'serves r1',
  },
]

test.each(table)('$rule', ({ seen, want, candidate }) => {
  const rollout = decideRollout(observed(seen))
  expect(`${rollout.stage.kind} ${rollout.serving?.revision ?? 'none'}`).toBe(want)
  expect(rollout.candidate && `${rollout.candidate.template.revision} × ${rollout.candidate.pods}`).toBe(candidate)
})

describe('for any observation', () => {
  const revision = fc.constantFrom('r1', 'r2', 'r3')
  const anything = fc.record({
    servingRevision: fc.option(revision, { nil: undefined }),
    desired: fc.option(fc.nat(15), { nil: undefined }),
    min: fc.nat(2),
    hasRuntime: fc.boolean(),
    verifyFirstRevision: fc.boolean(),
    pods: fc.array(fc.record({ revision, phase: fc.constantFrom('ready' as const, 'starting' as const) }), {
      maxLength: 12,
    }),
    fates: fc.dictionary(revision, fc.constantFrom(loads, broken)),
  })
  type Any = typeof anything extends fc.Arbitrary<infer S> ? S : never
  const observe = ({ servingRevision, desired, min, hasRuntime, pods: given, ...rest }: Any): FunctionObservation => {
    const base = observed({
      scaling: { ...observed().scaling, min },
      stored: [stored('r3', 3), stored('r2', 2), stored('r1', 1)],
      runtimes: new Map(hasRuntime ? [['node', 'n/1']] : []),
      pods: given.map((it) => pod(it.revision, it.phase)),
      verifyFirstRevision: rest.verifyFirstRevision,
      // As observe() does: a ready pod is proof.
      fates: new Map([
        ...Object.entries(rest.fates),
        ...given.filter(({ phase }) => phase === 'ready').map((it) => [it.revision, loads] as const),
      ]),
    })
    return {
      ...base,
      ...(servingRevision !== undefined && { servingRevision }),
      desired: desired as number,
    }
  }
  const ready = (seen: FunctionObservation, its: string | undefined) =>
    seen.pods.filter((it) => it.revision === its && it.phase === 'ready')

  test('no switch takes ready pods from callers: what serves has as many ready ones as what served, up to max', () => {
    fc.assert(
      fc.property(anything, (any) => {
        const seen = observe(any)
        const { serving } = decideRollout(seen)
        const before = seen.servingRevision
        if (before === undefined || serving?.revision === before || seen.fates.get(before)?.kind === 'broken') return
        expect(ready(seen, serving?.revision).length).toBeGreaterThanOrEqual(
          Math.min(ready(seen, before).length, seen.scaling.max),
        )
      }),
    )
  })

  test('the last ready pod of what serves is retired only when none is wanted', () => {
    fc.assert(
      fc.property(anything, (any) => {
        const seen = observe(any)
        const { rollout, after } = plan(seen)
        const retired = new Set(after.flatMap((action) => (action.kind === 'retire' ? [action.uid] : [])))
        const had = ready(seen, rollout.serving?.revision)
        const left = had.filter(({ uid }) => !retired.has(uid))
        if (had.length > 0 && left.length === 0) expect(Math.max(any.min, seen.desired ?? had.length)).toBe(0)
      }),
    )
  })

  test('never more pods of a revision than its limit and one that replaces an old one', () => {
    fc.assert(
      fc.property(anything, (any) => {
        const seen = observe(any)
        const { after, rollout } = plan(seen)
        for (const action of after) {
          if (action.kind !== 'start') continue
          const has = seen.pods.filter((it) => it.revision === action.template.revision).length
          expect(has + action.pods).toBeLessThanOrEqual(seen.scaling.max + 1)
          expect([rollout.serving?.revision, rollout.candidate?.template.revision]).toContain(action.template.revision)
        }
      }),
    )
  })

  test('broken code is never started, and nothing is started without its Runtime', () => {
    fc.assert(
      fc.property(anything, (any) => {
        const seen = observe(any)
        for (const action of plan(seen).after) {
          if (action.kind !== 'start' && action.kind !== 'verify') continue
          expect(seen.fates.get(action.template.revision)?.kind).not.toBe('broken')
          expect(any.hasRuntime).toBe(true)
        }
      }),
    )
  })
})
