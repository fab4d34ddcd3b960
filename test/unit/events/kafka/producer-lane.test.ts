import { describe, expect, test } from '@jest/globals'
import { EventLogError } from '../../../../events/event-log.ts'
import { ProducerLane } from '../../../../events/kafka/producer-lane.ts'

const record = (text: string) => ({ topic: 't', key: null, value: Buffer.from(text), headers: [] })

function bench() {
  const lane = new ProducerLane('t', 0)
  const ends: Record<string, unknown> = {}
  const push = (...texts: string[]) => {
    for (const text of texts) {
      const end = (result: unknown) => void (ends[text] = result)
      lane.push(record(text), { untilMs: 100, resolve: end, reject: end })
    }
  }
  const texts = () => lane.next()?.sendings.map(({ record: { value } }) => value?.toString())
  lane.identify({ producerId: '1', producerEpoch: 0 })
  return { lane, push, texts, ends }
}

describe('a lane', () => {
  test('sends the same batch under the same number until it is settled, whatever came meanwhile', () => {
    const { lane, push, texts } = bench()
    push('a', 'b')
    const first = lane.next()
    push('c')
    expect(lane.next()).toBe(first)
    expect(texts()).toEqual(['a', 'b'])
    expect(first?.firstSequence).toBe(0)
  })

  test('counts numbers and offsets on', () => {
    const { lane, push, texts, ends } = bench()
    push('a', 'b')
    lane.next()
    push('c')
    lane.stored(40)
    expect(ends).toEqual({ a: 40, b: 41 })
    expect(texts()).toEqual(['c'])
    expect(lane.next()?.firstSequence).toBe(2)
  })

  test('a batch that is refused goes one by one, under the number that is free again, so that who is at fault fails alone', () => {
    const { lane, push, texts, ends } = bench()
    push('a', 'bad', 'b')
    lane.next()
    lane.refused(new Error('first'))
    expect(texts()).toEqual(['a'])
    expect(lane.next()?.firstSequence).toBe(0)
    lane.stored(7)
    expect(texts()).toEqual(['bad'])
    lane.refused('refused')
    expect(texts()).toEqual(['b'])
    lane.stored(8)
    expect(ends).toEqual({ a: 7, bad: 'refused', b: 8 })
  })

  test('only those that were refused together go one by one: what came meanwhile goes in batches', () => {
    const { lane, push, texts } = bench()
    push('a', 'bad')
    lane.next()
    push('c', 'd')
    lane.refused(new Error('first'))
    expect(texts()).toEqual(['a'])
    lane.stored(0)
    expect(texts()).toEqual(['bad'])
    lane.refused(new Error('refused'))
    expect(texts()).toEqual(['c', 'd'])
  })

  test('finds out how much a topic takes at once, and tries more from time to time', () => {
    const { lane, push } = bench()
    let taken = 50_000
    const sizes: number[] = []
    for (let n = 0; n < 1_000; n++) {
      push(...Array.from({ length: 100 }, () => 'x'.repeat(1_000)))
      const size = lane.next()!.sendings.length
      sizes.push(size)
      if (size * 1_000 > taken) lane.refused(new EventLogError('too-large', 'of a batch'))
      else lane.stored(0)
      if (n === 500) taken = 1_000_000
    }
    const found = sizes.slice(100, 500)
    expect(found.filter((size) => size > 50).length).toBeLessThan(10)
    expect(found.reduce((sum, size) => sum + size) / found.length).toBeGreaterThan(20)
    expect(Math.max(...sizes.slice(501))).toBeGreaterThan(400)
  })

  test('what is given up may be stored: its numbers are never used for others', () => {
    const { lane, push, ends } = bench()
    push('a')
    lane.next()
    push('b')
    lane.giveUp('late')
    expect(ends).toEqual({ a: 'late' })
    expect(lane.next()).toBeUndefined()
    expect(lane).toMatchObject({ needsIdentity: true, hadIdentity: true })
    lane.identify({ producerId: '2', producerEpoch: 0 })
    expect(lane.next()).toMatchObject({ identity: { producerId: '2' }, firstSequence: 0 })
  })

  test('a broker that forgot our numbers gets the same batch under new ones', () => {
    const { lane, push, texts } = bench()
    push('a')
    lane.next()
    lane.forgetIdentity()
    expect(lane.next()).toBeUndefined()
    lane.identify({ producerId: '2', producerEpoch: 0 })
    expect(texts()).toEqual(['a'])
    expect(lane.next()?.identity.producerId).toBe('2')
  })

  test('batches stay below what a broker takes; a record that is larger goes alone', () => {
    const { lane, push, texts } = bench()
    const [small, large] = ['x'.repeat(400_000), 'y'.repeat(2_000_000)]
    push(small, small, small, large, small)
    const sizes: (number | undefined)[] = []
    for (let at = 0; !lane.isEmpty; at++) {
      sizes.push(texts()?.length)
      lane.stored(at)
    }
    expect(sizes).toEqual([2, 1, 1, 1])
  })
})
