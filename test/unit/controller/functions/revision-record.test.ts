import { expect, test } from '@jest/globals'
import { FunctionMemory } from '../../../../controller/functions/function-memory.ts'
import {
  brokenPatch,
  newRevision,
  parseRevision,
  revisionName,
} from '../../../../controller/functions/revision-record.ts'
import type { ControllerRevision } from '../../../../kube/objects.ts'
import { template } from '../../../builders/function-observation.ts'

const stored = (more: Partial<ControllerRevision> = {}): ControllerRevision => {
  const written = newRevision(template('r1'), 7)
  const metadata = { ...written.metadata, name: 'web-r1', uid: 'u', resourceVersion: '1', creationTimestamp: '' }
  return { ...written, metadata, ...more }
}

test('a stored revision reads as it was written', () => {
  expect(parseRevision(stored())).toEqual({ name: 'web-r1', number: 7, template: template('r1') })
  expect(revisionName(template('r1'))).toBe('web-r1')
})

test('where its pods run is read as it was written', () => {
  const placed = {
    ...template('r1'),
    nodeSelector: { disk: 'ssd' },
    tolerations: [{ key: 'a', operator: 'Equal' as const, effect: 'NoExecute' as const, tolerationSeconds: 5 }],
  }
  expect(parseRevision(stored({ data: newRevision(placed, 7).data }))?.template).toMatchObject(placed)
})

test('it knows when it was stored, and two of one second apart: servers make ETags of times', () => {
  const creationTimestamp = '2026-11-28T21:00:00Z'
  const of = (revision: string, storedAt?: number) =>
    parseRevision(
      stored({
        data: { ...template(revision), ...(storedAt !== undefined && { storedAt }) },
        metadata: { ...stored().metadata, creationTimestamp },
      }),
    )!.template.storedAt
  const times = ['r1', 'r2'].map((revision) => of(revision)!)
  for (const time of times) expect(Math.floor(time)).toBe(Date.parse(creationTimestamp) / 1000)
  expect(times[0]).not.toBe(times[1])
  expect(of('r1')).toBe(times[0])
  expect(of('r1', 1_600_000_000.5)).toBe(1_600_000_000.5)
})

test('its pods have the time that it is stored with, from the first on', () => {
  const memory = new FunctionMemory('default/web', 'u1')
  const first = memory.dated(template('r1'), [], 1_000_000)
  expect(memory.dated(template('r1'), [], 9_000_000)).toBe(first)
  const { data } = newRevision(first, 1)
  expect(memory.dated(template('r1'), [parseRevision(stored({ data }))!], 9_000_000)).toEqual(first)
  expect(memory.dated(template('r2'), [], 9_000_000).storedAt).toBeGreaterThan(8_999)
})

test('it is owned by its Function, so that it goes when the Function goes', () => {
  expect(newRevision(template('r1'), 1).metadata.ownerReferences).toEqual([
    expect.objectContaining({ kind: 'Function', name: 'web', uid: 'u1', controller: true }),
  ])
})

test('that its code does not load is kept on it', () => {
  const broken = { kind: 'broken' as const, message: 'no', runtime: 'uid/1' }
  const { metadata } = brokenPatch(broken) as Pick<ControllerRevision, 'metadata'>
  const read = parseRevision(stored({ metadata: { ...stored().metadata, annotations: metadata.annotations! } }))
  expect(read?.broken).toEqual(broken)
})

test('what cannot be read is as if it were not stored', () => {
  expect(parseRevision(stored({ data: { revision: 'r1' } }))).toBeUndefined()
  const annotations = { 'dormouse.dev/load-error': '{' }
  expect(parseRevision(stored({ metadata: { ...stored().metadata, annotations } }))?.broken).toBeUndefined()
})
