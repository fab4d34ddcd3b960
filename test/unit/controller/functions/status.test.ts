import { expect, test } from '@jest/globals'
import type { FunctionStatus } from '../../../../api/function.ts'
import type { StartFailure } from '../../../../controller/functions/function-memory.ts'
import type { FunctionObservation } from '../../../../controller/functions/observe.ts'
import { decideRollout } from '../../../../controller/functions/rollout.ts'
import { statusOf, type AddressRules } from '../../../../controller/functions/status.ts'
import { NOW_MS, broken, loads, observed, pod } from '../../../builders/function-observation.ts'

const NAMED = { internalBaseUrl: 'http://gateway', makesServices: true }

function status(
  more: Partial<FunctionObservation>,
  current?: FunctionStatus,
  address: AddressRules = NAMED,
): FunctionStatus {
  const seen = observed(more)
  return statusOf({ seen, rollout: decideRollout(seen), address }, current)
}
const said = ({ conditions }: FunctionStatus) =>
  Object.fromEntries(conditions?.map(({ type, status: is, reason }) => [type, `${is} ${reason}`]) ?? [])

const good = { servingRevision: 'r2', fates: new Map([['r2', loads]]) }
const failing = (kind: StartFailure['kind']) =>
  new Map(['r1', 'r2'].map((name) => [name, { kind, attempts: 1, message: 'no room', atMs: 0, retryAtMs: 1 }] as const))
const failures = failing('start')

const table: { rule: string; seen: Partial<FunctionObservation>; want: [string, string, string] }[] = [
  { rule: 'asleep', seen: good, want: ['True Asleep', 'True RevisionServes', 'True UpToDate'] },
  {
    rule: 'starting',
    seen: { ...good, desired: 1, pods: [pod('r2', 'starting')] },
    want: ['True Starting', 'True RevisionServes', 'True UpToDate'],
  },
  {
    rule: 'running',
    seen: { ...good, desired: 1, pods: [pod('r2')] },
    want: ['True Running', 'True RevisionServes', 'True UpToDate'],
  },
  {
    rule: 'loading for the first time',
    seen: { verifyFirstRevision: true },
    want: ['Unknown Verifying', 'True RevisionServes', 'True UpToDate'],
  },
  {
    rule: 'not loaded in time, because others were before it',
    seen: { verifyFirstRevision: true, letGoAtMs: 0 },
    want: ['True NotLoadedYet', 'True RevisionServes', 'True UpToDate'],
  },
  {
    rule: 'rolling out',
    seen: { servingRevision: 'r1' },
    want: ['Unknown RollingOut', 'True RevisionServes', 'False RollingOut'],
  },
  {
    rule: 'a broken change',
    seen: { servingRevision: 'r1', fates: new Map([['r2', broken]]) },
    want: ['False CodeLoadFailed', 'True RevisionServes', 'False CodeLoadFailed'],
  },
  {
    rule: 'broken from the start',
    seen: { fates: new Map([['r2', broken]]) },
    want: ['False CodeLoadFailed', 'False CodeLoadFailed', 'False CodeLoadFailed'],
  },
  {
    rule: 'no Runtime',
    seen: { runtimes: new Map() },
    want: ['False RuntimeNotFound', 'False RuntimeNotFound', 'False RuntimeNotFound'],
  },
  {
    rule: 'pods do not start',
    seen: { ...good, desired: 1, failures },
    want: ['False StartFailed', 'True RevisionServes', 'True UpToDate'],
  },
  {
    rule: 'pods end young',
    seen: { ...good, desired: 1, failures: failing('ended') },
    want: ['False PodsEnd', 'True RevisionServes', 'True UpToDate'],
  },
  {
    rule: 'one more pod does not start',
    seen: { ...good, desired: 2, pods: [pod('r2')], failures },
    want: ['True Running', 'True RevisionServes', 'True UpToDate'],
  },
  {
    rule: 'nobody wants the pod that did not start',
    seen: { ...good, failures },
    want: ['True Asleep', 'True RevisionServes', 'True UpToDate'],
  },
  {
    rule: 'the changed revision does not start',
    seen: { servingRevision: 'r1', pods: [pod('r1')], failures },
    want: ['False StartFailed', 'True RevisionServes', 'False StartFailed'],
  },
]
test.each(table)('$rule: $want', ({ seen, want: [Ready, Serving, RolledOut] }) => {
  expect(said(status(seen))).toEqual({ Ready, Serving, RolledOut })
})

test('pods are all that start or run, readyPods those that take calls', () => {
  const seen = { servingRevision: 'r1', desired: 2, pods: [pod('r1'), pod('r1', 'starting'), pod('r2')] }
  expect(status(seen)).toMatchObject({
    revision: 'r1',
    pods: 3,
    readyPods: 1,
    observedGeneration: 2,
    url: 'http://web.default',
  })
})

test('no revision is named while none can take calls', () => {
  expect(status({ fates: new Map([['r2', broken]]) }).revision).toBeUndefined()
})

test('messages are whole sentences that name revision and reason', () => {
  const { conditions } = status({ ...good, desired: 1, failures })
  expect(conditions?.[0]?.message).toBe('No pod of revision r2 comes up: no room. It is tried again.')
  for (const { message } of conditions ?? []) expect(message).toMatch(/^[A-Z].*\.$/)
})

test('what says nothing new is equal, and lastTransitionTime moves only when a status flips', () => {
  const first = status(good)
  expect(status({ ...good, nowMs: NOW_MS + 60_000 }, first)).toEqual(first)
  const running = status({ ...good, nowMs: NOW_MS + 60_000, desired: 1, pods: [pod('r2')] }, first)
  expect(running.conditions?.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual(
    first.conditions?.map(({ lastTransitionTime }) => lastTransitionTime),
  )
})

test.each([
  { rule: 'by its Service', seen: { service: 'named' as const }, address: NAMED, want: 'http://web.default' },
  { rule: 'by the Service that is being made', seen: {}, address: NAMED, want: 'http://web.default' },
  {
    rule: 'by the gateways when its name is somebody else’s',
    seen: { service: 'taken' as const },
    address: NAMED,
    want: 'http://gateway/fn/default/web',
  },
  {
    rule: 'by the gateways when its name is none for a Service',
    seen: { service: 'invalid' as const },
    address: NAMED,
    want: 'http://gateway/fn/default/web',
  },
  {
    rule: 'by the gateways where no Services are made',
    seen: {},
    address: { ...NAMED, makesServices: false },
    want: 'http://gateway/fn/default/web',
  },
])('its url says how it is reached: $rule', ({ seen, address, want }) => {
  expect(status({ ...good, ...seen }, undefined, address).url).toBe(want)
})

test('a name that Kubernetes refuses for a Service is told in one sentence', () => {
  const { conditions } = status({ ...good, service: 'invalid' }, undefined, NAMED)
  expect(conditions?.find(({ type }) => type === 'Named')).toMatchObject({ status: 'False', reason: 'NameInvalid' })
  expect(conditions?.find(({ type }) => type === 'Named')?.message).toMatch(
    /^Kubernetes takes no Service named web, .*\.$/,
  )
})
