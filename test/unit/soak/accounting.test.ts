import { describe, expect, test } from '@jest/globals'
import { account, type Evidence, type RecordName, type SeenCall } from '../../soak/accounting.ts'

const call = (key: string, n: number, part: Partial<SeenCall> = {}): SeenCall => ({
  ...{ key, n, deliveryId: `${key}-${n}`, isOk: true, attempt: 1 },
  ...part,
})
const evidence = (part: Partial<Evidence>): Evidence => ({ sent: new Set(), calls: [], deadLetters: [], ...part })
const sent = (...names: RecordName[]) => new Set(names)

describe('a soak is counted so that', () => {
  test('what was neither handled nor dead-lettered is lost, however often it was tried', () => {
    const calls = [call('a', 0), call('a', 1, { isOk: false })]
    const deadLetters = [{ key: 'a', n: 2, deliveryId: 'a-2' }]
    const found = account(evidence({ sent: sent('a/0', 'a/1', 'a/2'), calls, deadLetters }))
    expect(found).toMatchObject({ sent: 3, handled: 1, deadLettered: 1, lost: ['a/1'], unknown: [], duplicates: 0 })
  })

  test('what nobody sent is told', () => {
    expect(account(evidence({ calls: [call('a', 7)] })).unknown).toEqual(['a/7'])
  })

  test('a delivery that succeeds again, or is dead-lettered as well, is a duplicate', () => {
    const calls = [call('a', 0), call('a', 0), call('a', 1)]
    const deadLetters = [
      { key: 'a', n: 1, deliveryId: 'a-1' },
      { key: 'a', n: 2, deliveryId: 'a-2' },
      { key: 'a', n: 2, deliveryId: 'a-2' },
    ]
    expect(account(evidence({ sent: sent('a/0', 'a/1', 'a/2'), calls, deadLetters })).duplicates).toBe(3)
  })

  test('a record that its producer sent twice is no duplicate of ours', () => {
    const calls = [call('a', 0), call('a', 0, { deliveryId: 'again' })]
    expect(account(evidence({ calls }))).toMatchObject({ duplicates: 0, resent: 1 })
  })

  test('the first success of each decides about the order of a key, of that key alone', () => {
    const calls = [call('a', 0), call('b', 1), call('a', 2), call('a', 1), call('a', 0), call('b', 2)]
    expect(account(evidence({ calls })).unordered).toEqual(['a/1'])
  })
})
