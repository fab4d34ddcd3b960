import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { DueQueue } from '../../../../events/consumption/due-queue.ts'
import type { Entry } from '../../../../events/consumption/entry.ts'

test('entries come out by due time, then by offset, and never early', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50), { maxLength: 200 }), (dues) => {
      const queue = new DueQueue()
      dues.forEach((dueMs, offset) => queue.push(dueMs, { record: { offset } } as Entry))
      const seen: [number, number][] = []
      for (let nowMs = 0; nowMs <= 50; nowMs++) {
        for (let entry = queue.shift(nowMs); entry !== undefined; entry = queue.shift(nowMs)) {
          expect(dues[entry.record.offset]).toBe(nowMs)
          seen.push([nowMs, entry.record.offset])
        }
      }
      expect(seen).toEqual([...seen].sort((a, b) => a[0] - b[0] || a[1] - b[1]))
      expect([seen.length, queue.size]).toEqual([dues.length, 0])
    }),
  )
})
