/** What a rollout and a status make of code that the Function only refers to. */
import { describe, expect, test } from '@jest/globals'
import type { CodeState } from '../../../../controller/code/code-book.ts'
import { follow, plan } from '../../../../controller/functions/plan.ts'
import { decideRollout, isNotYetKnown } from '../../../../controller/functions/rollout.ts'
import { statusOf } from '../../../../controller/functions/status.ts'
import { loads, observed, pods, stored, template } from '../../../builders/function-observation.ts'

const unavailable: CodeState = { kind: 'unavailable', message: 'ConfigMap "c": it does not exist' }
const pending: CodeState = { kind: 'pending', message: 'The code is being fetched' }
const serving = { servingRevision: 'r1', stored: [stored('r1')], fates: new Map([['r1', loads]]) }
const conditions = (seen: Parameters<typeof decideRollout>[0]) =>
  Object.fromEntries(
    (
      statusOf(
        { seen, rollout: decideRollout(seen), address: { internalBaseUrl: undefined, makesServices: false } },
        undefined,
      ).conditions ?? []
    ).map(({ type, status, reason }) => [type, `${status} ${reason}`]),
  )

describe.each([
  ['cannot be had', unavailable],
  ['is being fetched', pending],
])('while code %s', (_, code) => {
  test('the old revision serves and is scaled, and nothing is stored or started of the new', () => {
    const seen = observed({ ...serving, code, desired: 2, pods: pods(1, 'r1') })
    const { rollout, before, after } = plan(seen)
    expect(rollout.serving?.revision).toBe('r1')
    expect(before).toEqual([])
    expect(after).toEqual([{ kind: 'start', template: template('r1'), pods: 1 }])
  })

  test('even when the old one is what the spec would become', () => {
    const seen = observed({ ...serving, code, target: template('r1'), desired: 1, pods: pods(1, 'r1') })
    expect(decideRollout(seen).serving?.revision).toBe('r1')
    expect(plan(seen).after).toEqual([])
  })
})

test('without an old revision callers wait for code that is on its way and are told of code that cannot be had', () => {
  expect(plan(observed({ stored: [], code: pending })).serving).not.toHaveProperty('broken')
  expect(plan(observed({ stored: [], code: unavailable })).serving.broken).toEqual({
    code: 'cannot-wake',
    message: unavailable.message,
  })
  expect(plan(observed({ stored: [], code: pending })).after).toEqual([])
})

test('who does not lead says the same', () => {
  expect(follow(observed({ stored: [], code: unavailable })).broken?.message).toBe(unavailable.message)
  expect(follow(observed({ stored: [], code: pending }))).not.toHaveProperty('broken')
  expect(follow(observed({ ...serving, code: unavailable })).template?.revision).toBe('r1')
})

test('conditions tell what is missing and that callers are fine', () => {
  expect(conditions(observed({ ...serving, code: unavailable }))).toEqual({
    Ready: 'False CodeUnavailable',
    Serving: 'True RevisionServes',
    RolledOut: 'False CodeUnavailable',
  })
  expect(conditions(observed({ stored: [], code: unavailable }))).toEqual({
    Ready: 'False CodeUnavailable',
    Serving: 'False CodeUnavailable',
    RolledOut: 'False CodeUnavailable',
  })
  expect(conditions(observed({ ...serving, code: pending }))).toEqual({
    Ready: 'Unknown FetchingCode',
    Serving: 'True RevisionServes',
    RolledOut: 'False FetchingCode',
  })
})

test('a new leader leaves what serves as it is until it has read the ConfigMap, and only then', () => {
  const seen = (more: object, revision: string | undefined, code: CodeState) => {
    const base = observed({ code })
    const status = revision === undefined ? {} : { revision }
    return { ...base, function: { ...base.function, spec: { code: more }, status } as typeof base.function }
  }
  const configMap = { configMap: { name: 'c' } }
  expect(isNotYetKnown(seen(configMap, 'r1', pending))).toBe(true)
  expect(isNotYetKnown(seen(configMap, undefined, pending))).toBe(false)
  expect(isNotYetKnown(seen(configMap, 'r1', unavailable))).toBe(false)
  expect(isNotYetKnown(seen({ archive: { url: '', sha256: '' } }, 'r1', pending))).toBe(false)
})

test('stored code goes with the last revision that needs it', () => {
  const withCode = (revision: string, number: number, digest: string) => {
    const record = stored(revision, number)
    return { ...record, template: { ...record.template, code: { digest } } }
  }
  const records = [
    withCode('r9', 9, 'a'),
    ...[8, 7, 6].map((number) => withCode(`r${number}`, number, 'a')),
    withCode('r5', 5, 'a'),
    withCode('r4', 4, 'b'),
  ]
  const seen = observed({ stored: records, target: records[0]!.template, servingRevision: 'r9' })
  expect(plan(seen).after.filter(({ kind }) => kind === 'delete-revision')).toEqual([
    { kind: 'delete-revision', name: 'web-r5', code: [] },
    { kind: 'delete-revision', name: 'web-r4', code: ['b'] },
  ])
})
