import { expect, test } from '@jest/globals'
import { decideRival, type RivalVerdict } from '../../../../controller/rivals/decide.ts'
import type { Lease } from '../../../../kube/objects.ts'

function lease(namespace: string, day: number, spec: Partial<NonNullable<Lease['spec']>> = {}): Lease {
  return {
    ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
    metadata: {
      ...{ namespace, name: 'c', uid: namespace, resourceVersion: '1' },
      creationTimestamp: `2026-01-0${day}T00:00:00Z`,
    },
    spec: { holderIdentity: 'pod', renewTime: 'now', leaseDurationSeconds: 6, ...spec },
  }
}

const own = { namespace: 'b', name: 'c' }
const look = (leases: Lease[], nowMs = 0, before?: RivalVerdict) =>
  decideRival({ leases, own, nowMs, sightings: before?.sightings ?? new Map() })

const rows: { when: string; leases: Lease[]; rival?: string; younger?: string[] }[] = [
  { when: 'nobody else is there', leases: [lease('b', 2)] },
  { when: 'another came before us', leases: [lease('b', 2), lease('z', 1)], rival: 'z' },
  { when: 'another came after us', leases: [lease('b', 2), lease('a', 3)], younger: ['a'] },
  { when: 'we have no Lease yet', leases: [lease('z', 9)], rival: 'z' },
  { when: 'both came in the same second: the name decides', leases: [lease('b', 2), lease('a', 2)], rival: 'a' },
  {
    when: 'both came in the same second, and ours is the first by name',
    leases: [lease('b', 2), lease('z', 2)],
    younger: ['z'],
  },
  { when: 'another gave its lead back', leases: [lease('b', 2), lease('a', 1, { holderIdentity: '' })] },
  { when: 'several came before us', leases: [lease('b', 5), lease('a', 4), lease('d', 3)], rival: 'd' },
]
test.each(rows)('when $when', ({ leases, rival, younger = [] }) => {
  expect(look(leases)).toMatchObject({ rival, younger })
})

test('who is silent for longer than it promised is gone, whatever its clock says, and back with its next sign', () => {
  const silent = [lease('b', 2), lease('a', 1)]
  const first = look(silent, 0)
  const second = look(silent, 5_999, first)
  expect([first.rival, second.rival]).toEqual(['a', 'a'])
  const third = look(silent, 6_000, second)
  expect(third.rival).toBeUndefined()
  expect(look([lease('b', 2), lease('a', 1, { renewTime: 'later' })], 7_000, third).rival).toBe('a')
})

test('two that see the same decide alike: never both, never none', () => {
  const leases = [lease('a', 2), lease('b', 2)]
  const rivals = leases.map(
    ({ metadata }) =>
      decideRival({ leases, own: { namespace: metadata.namespace!, name: 'c' }, nowMs: 0, sightings: new Map() }).rival,
  )
  expect(rivals).toEqual([undefined, 'a'])
})
