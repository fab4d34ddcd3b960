import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { createAdmission, type Admission } from '../../../events/admission.ts'
import type { Ordering } from '../../../events/subscription.ts'

const key = (text: string) => Buffer.from(text)

interface Boxed<T> {
  item: T
  lane: unknown
}

/** Of plain items, each of them once. */
class Items<T> {
  readonly #admission: Admission<Boxed<T>>
  readonly #boxes = new Map<T, Boxed<T>>()

  constructor(ordering: Ordering) {
    this.#admission = createAdmission<Boxed<T>>(ordering)
  }

  get waiting(): number {
    return this.#admission.waiting
  }

  get ready(): number {
    return this.#admission.ready
  }

  get readyAgain(): number {
    return this.#admission.readyAgain
  }

  get lanes(): number {
    return this.#admission.lanes
  }

  push(name: Buffer | null, item: T): void {
    this.#admission.push(name, this.#box(item))
  }

  pushTaken(name: Buffer | null, item: T): boolean {
    return this.#admission.pushTaken(name, this.#box(item))
  }

  take(max: number, which?: 'all' | 'again'): T[] {
    return this.#admission.take(max, which).map(({ item }) => item)
  }

  release(item: T): void {
    this.#admission.release(this.#box(item))
  }

  putBack(item: T): void {
    this.#admission.putBack(this.#box(item))
  }

  #box(item: T): Boxed<T> {
    const known = this.#boxes.get(item)
    if (known !== undefined) return known
    const box = { item, lane: undefined }
    this.#boxes.set(item, box)
    return box
  }
}

test('unordered: everything may start, first come first served', () => {
  const admission = new Items<number>('unordered')
  for (const item of [1, 2, 3]) admission.push(key('same'), item)
  expect([admission.take(2), admission.ready]).toEqual([[1, 2], 1])
  admission.putBack(2)
  admission.putBack(1)
  expect(admission.take(5)).toEqual([1, 2, 3])
})

test('key: one per key, others pass', () => {
  const admission = new Items<string>('key')
  for (const [name, item] of [
    ['a', 'a1'],
    ['a', 'a2'],
    ['b', 'b1'],
  ] as const)
    admission.push(key(name), item)
  expect([admission.ready, admission.lanes]).toEqual([3, 2])
  expect([admission.take(1), admission.take(1), admission.take(1)]).toEqual([['a1'], ['b1'], []])
  expect([admission.waiting, admission.lanes]).toEqual([1, 0])
  admission.release('b1')
  expect(admission.take(1)).toEqual([])
  admission.release('a1')
  expect(admission.take(1)).toEqual(['a2'])
})

test('key: what is put back goes before the others of its key', () => {
  const admission = new Items<string>('key')
  admission.push(key('a'), 'a1')
  admission.push(key('a'), 'a2')
  admission.take(1)
  admission.putBack('a1')
  expect(admission.take(1)).toEqual(['a1'])
  admission.release('a1')
  expect(admission.take(1)).toEqual(['a2'])
})

test('key: records without a key hold up nobody', () => {
  const admission = new Items<number>('key')
  for (const item of [1, 2, 3]) admission.push(null, item)
  expect([admission.take(1), admission.take(1), admission.take(1)]).toEqual([[1], [2], [3]])
})

test('keys are bytes, not text', () => {
  const admission = new Items<number>('key')
  admission.push(Buffer.from([0xff]), 1)
  admission.push(Buffer.from([0xfe]), 2)
  expect([admission.take(1), admission.take(1)]).toEqual([[1], [2]])
})

test('partition: one at a time; a batch is a run of them', () => {
  const admission = new Items<number>('partition')
  for (const item of [1, 2, 3, 4]) admission.push(null, item)
  expect(admission.take(3)).toEqual([1, 2, 3])
  expect([admission.take(1), admission.ready]).toEqual([[], 0])
  admission.release(1)
  admission.putBack(3)
  expect(admission.take(1)).toEqual([])
  admission.putBack(2)
  expect(admission.take(9)).toEqual([2, 3, 4])
})

test('key: lanes whose first was put back go before others, and can be taken alone', () => {
  const admission = new Items<string>('key')
  for (const item of ['a1', 'a2', 'b1', 'c1']) admission.push(key(item[0]!), item)
  expect(admission.take(1)).toEqual(['a1'])
  admission.putBack('a1')
  expect([admission.ready, admission.readyAgain]).toEqual([4, 2])
  expect(admission.take(1, 'again')).toEqual(['a1'])
  expect([admission.take(9, 'again'), admission.ready, admission.readyAgain]).toEqual([[], 2, 0])
  admission.release('a1')
  expect(admission.readyAgain).toBe(0)
  expect(admission.take(9)).toEqual(['b1', 'c1', 'a2'])
})

test('key: what waits already when it comes holds its lane; only as the first of it', () => {
  const admission = new Items<string>('key')
  expect(admission.pushTaken(key('a'), 'a1')).toBe(true)
  admission.push(key('a'), 'a2')
  admission.push(key('b'), 'b1')
  expect([admission.pushTaken(key('a'), 'a3'), admission.pushTaken(key('b'), 'b2')]).toEqual([false, false])
  expect(admission.take(9)).toEqual(['b1'])
  admission.putBack('a1')
  expect([admission.readyAgain, admission.take(1)]).toEqual([2, ['a1']])
})

test('in any interleaving no two of a key run at once, none overtakes another of its key, none is lost', () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant('push' as const), key: fc.nat(3) }),
    fc.record({
      kind: fc.constant('take' as const),
      max: fc.integer({ min: 1, max: 3 }),
      which: fc.constantFrom('all' as const, 'again' as const),
    }),
    fc.record({ kind: fc.constantFrom('release' as const, 'putBack' as const), at: fc.nat(9) }),
  )
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const admission = new Items<{ key: number; order: number }>('key')
      const finished: { key: number; order: number }[] = []
      /** Batches that run; what is put back of one is put back last first, as the engine does. */
      const running: { key: number; order: number }[][] = []
      let order = 0
      let pushed = 0
      const take = (max: number, which: 'all' | 'again' = 'all') => {
        const before = [admission.ready, admission.readyAgain]
        const lanes = admission.lanes
        expect([lanes === 0, lanes <= admission.ready]).toEqual([admission.ready === 0, true])
        const batch = admission.take(max, which)
        expect(batch.length === 0).toBe(before[which === 'all' ? 0 : 1] === 0)
        const others = new Set(running.flat().map((item) => item.key))
        for (const item of batch) expect(others.has(item.key)).toBe(false)
        if (batch.length > 0) running.push(batch)
      }
      const end = (batch: { key: number; order: number }[], isDone: boolean) => {
        for (const item of [...batch].reverse()) {
          if (isDone) admission.release(item)
          else admission.putBack(item)
        }
        if (isDone) finished.push(...batch)
      }
      for (const each of actions) {
        if (each.kind === 'push') {
          admission.push(key(String(each.key)), { key: each.key, order: order++ })
          pushed++
        } else if (each.kind === 'take') take(each.max, each.which)
        else {
          const [batch] = running.splice(each.at % Math.max(1, running.length), 1)
          if (batch !== undefined) end(batch, each.kind === 'release')
        }
      }
      for (const batch of running.splice(0)) end(batch, true)
      for (take(100); running.length > 0; take(100)) end(running.pop()!, true)
      expect(finished.length).toBe(pushed)
      for (const name of [0, 1, 2, 3]) {
        const orders = finished.filter((item) => item.key === name).map((item) => item.order)
        expect(orders).toEqual([...orders].sort((a, b) => a - b))
      }
      expect([admission.waiting, admission.ready, admission.readyAgain]).toEqual([0, 0, 0])
    }),
  )
})
