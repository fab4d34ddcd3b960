import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { resolveClaims } from '../../../../controller/triggers/claims.ts'
import type { Claimant } from '../../../../controller/triggers/claims.ts'

function claimant(name: string, http: Partial<Claimant['http']> = {}, createdAtMs = 0): Claimant {
  return {
    key: `default/${name}`,
    createdAtMs,
    http: { hosts: [], path: '/', pathType: 'Prefix', methods: [], ...http },
  }
}

const conflicted = (claimants: Claimant[]) =>
  [...resolveClaims(claimants)].filter(([, { kind }]) => kind === 'conflicted').map(([key]) => key)

describe('two Triggers', () => {
  const table: { rule: string; a: Partial<Claimant['http']>; b: Partial<Claimant['http']>; conflict: boolean }[] = [
    { rule: 'claim the same route', a: { path: '/x' }, b: { path: '/x' }, conflict: true },
    { rule: 'differ in path', a: { path: '/x' }, b: { path: '/x/y' }, conflict: false },
    { rule: 'differ in path type', a: { path: '/x', pathType: 'Exact' }, b: { path: '/x' }, conflict: false },
    { rule: 'differ in a trailing slash of a prefix only', a: { path: '/x/' }, b: { path: '/x' }, conflict: true },
    {
      rule: 'differ in a trailing slash of an exact path',
      a: { path: '/x/', pathType: 'Exact' },
      b: { path: '/x', pathType: 'Exact' },
      conflict: false,
    },
    {
      rule: 'share one of several hosts',
      a: { hosts: ['a.io', 'b.io'] },
      b: { hosts: ['b.io', 'c.io'] },
      conflict: true,
    },
    { rule: 'name different hosts', a: { hosts: ['a.io'] }, b: { hosts: ['b.io'] }, conflict: false },
    { rule: 'name a host and every host', a: { hosts: ['a.io'] }, b: {}, conflict: false },
    { rule: 'name a host and its wildcard', a: { hosts: ['a.io'] }, b: { hosts: ['*.io'] }, conflict: false },
    { rule: 'write a host in different case', a: { hosts: ['A.io'] }, b: { hosts: ['a.io'] }, conflict: true },
    { rule: 'have disjoint methods', a: { methods: ['GET'] }, b: { methods: ['POST', 'PUT'] }, conflict: false },
    { rule: 'share a method', a: { methods: ['GET', 'POST'] }, b: { methods: ['POST'] }, conflict: true },
    { rule: 'name a method and all', a: { methods: ['GET'] }, b: {}, conflict: true },
  ]
  test.each(table)('that $rule: conflict $conflict', ({ a, b, conflict }) => {
    expect(conflicted([claimant('a', a), claimant('b', b)])).toEqual(conflict ? ['default/b'] : [])
    expect(conflicted([claimant('b', b), claimant('a', a)])).toEqual(conflict ? ['default/b'] : [])
  })
})

test('the older one wins, whatever the names', () => {
  expect(conflicted([claimant('a', {}, 2_000), claimant('z', {}, 1_000)])).toEqual(['default/a'])
})

test('the loser is told who has it and what', () => {
  const claims = resolveClaims([
    claimant('a', { hosts: ['x.io'], path: '/cart' }),
    claimant('b', { hosts: ['x.io'], path: '/cart' }),
  ])
  expect(claims.get('default/b')).toEqual({ kind: 'conflicted', winner: 'default/a', route: 'x.io/cart (Prefix)' })
})

test('a refused Trigger claims nothing: what it does not get is free for a younger one', () => {
  const oldest = claimant('a', { hosts: ['a.io'] }, 1)
  const refused = claimant('b', { hosts: ['a.io', 'b.io'] }, 2)
  const youngest = claimant('c', { hosts: ['b.io'] }, 3)
  expect(conflicted([oldest, refused, youngest])).toEqual(['default/b'])
})

test('a Trigger does not conflict with itself when it names a host twice', () => {
  expect(conflicted([claimant('a', { hosts: ['a.io', 'A.io', 'a.io'] })])).toEqual([])
})

test('accepted Triggers are disjoint, every refused one overlaps an older accepted one, and the order of listing is nothing', () => {
  const methods = fc.subarray(['GET', 'POST', 'PUT'] as ('GET' | 'POST' | 'PUT')[])
  const some = fc.uniqueArray(
    fc.record({
      name: fc.stringMatching(/^[a-z]{1,3}$/),
      hosts: fc.subarray(['a.io', 'b.io']),
      path: fc.constantFrom('/', '/x'),
      methods,
      createdAtMs: fc.nat(3),
    }),
    { selector: ({ name }) => name, maxLength: 12 },
  )
  const slots = ({ http }: Claimant) => {
    const all = http.methods.length > 0 ? http.methods : ['GET', 'POST', 'PUT']
    return (http.hosts.length > 0 ? http.hosts : ['*']).flatMap((host) =>
      all.map((method) => `${method} ${host}${http.path}`),
    )
  }
  fc.assert(
    fc.property(some, (records) => {
      const claimants = records.map(({ name, createdAtMs, ...http }) => claimant(name, http, createdAtMs))
      const claims = resolveClaims(claimants)
      expect(new Map(resolveClaims([...claimants].reverse()))).toEqual(claims)
      const accepted = claimants.filter(({ key }) => claims.get(key)?.kind === 'accepted')
      const taken = accepted.flatMap(slots)
      expect(new Set(taken).size).toBe(taken.length)
      for (const loser of claimants) {
        const claim = claims.get(loser.key)
        if (claim?.kind !== 'conflicted') continue
        const winner = accepted.find(({ key }) => key === claim.winner)!
        expect(winner.createdAtMs).toBeLessThanOrEqual(loser.createdAtMs)
        expect(slots(winner).some((slot) => slots(loser).includes(slot))).toBe(true)
      }
    }),
  )
})
