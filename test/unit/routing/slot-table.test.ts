import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { PodSlots, SlotTable } from '../../../routing/slot-table.ts'
import { feedEndpoint } from '../../builders/feed.ts'

const pod = (id: string) => new PodSlots(feedEndpoint({ id }), { listed: true, addedAtMs: 0 })

test('property: the pick always has fewest in flight, never more than concurrency, and is none only when all are full', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('add' as const) }),
    fc.record({ kind: fc.constant('remove' as const), at: fc.nat() }),
    fc.record({ kind: fc.constant('take' as const) }),
    fc.record({ kind: fc.constant('release' as const), at: fc.nat() }),
  )
  const run = (concurrency: number, steps: (typeof step extends fc.Arbitrary<infer T> ? T : never)[]) => {
    const table = new SlotTable()
    const members: PodSlots[] = []
    for (const [n, each] of steps.entries()) {
      if (each.kind === 'add') {
        const added = pod(`p${n}`)
        members.push(added)
        table.add(added)
      } else if (each.kind === 'take') {
        const picked = table.pick(concurrency)
        const least = Math.min(...members.map(({ inFlight }) => inFlight))
        if (members.length === 0 || least >= concurrency) expect(picked).toBeUndefined()
        else expect(picked?.inFlight).toBe(least)
        if (picked) table.count(picked, picked.inFlight + 1)
      } else if (members.length > 0) {
        const chosen = members[each.at % members.length]!
        if (each.kind === 'remove') {
          table.remove(chosen)
          members.splice(members.indexOf(chosen), 1)
        } else if (chosen.inFlight > 0) table.count(chosen, chosen.inFlight - 1)
      }
      expect(table.size).toBe(members.length)
    }
  }
  fc.assert(fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), run))
})

test('equals take turns', () => {
  const table = new SlotTable()
  const pods = [pod('a'), pod('b'), pod('c')]
  for (const each of pods) table.add(each)
  const order = Array.from({ length: 6 }, () => {
    const picked = table.pick(10)!
    table.count(picked, 1)
    table.count(picked, 0)
    return picked.endpoint.id
  })
  expect(order).toEqual(['a', 'b', 'c', 'a', 'b', 'c'])
})

test('the avoided pod is taken only when there is no other', () => {
  const table = new SlotTable()
  const [a, b] = [pod('a'), pod('b')]
  table.add(a)
  expect(table.pick(1, a)).toBe(a)
  table.add(b)
  expect(table.pick(1, a)).toBe(b)
  table.count(b, 1)
  expect(table.pick(1, a)).toBe(a)
})

test('picking among 1,000 pods costs about as much as among ten', () => {
  const perPick = (size: number) => {
    const table = new SlotTable()
    for (let i = 0; i < size; i++) table.add(pod(`p${i}`))
    const startedAt = performance.now()
    for (let i = 0; i < 20_000; i++) {
      const picked = table.pick(100)!
      table.count(picked, picked.inFlight + 1)
      table.count(picked, picked.inFlight - 1)
    }
    return performance.now() - startedAt
  }
  // The quickest of some: what else runs on the machine makes single ones slow.
  const quickest = (size: number) => Math.min(...Array.from({ length: 5 }, () => perPick(size)))
  perPick(10)
  expect(quickest(1_000)).toBeLessThan(10 * quickest(10) + 50)
})
