import { expect, test } from '@jest/globals'
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
  expect(parseRevision(stored({ data: newRevision(placed, 7).data }))?.template).toEqual(placed)
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
