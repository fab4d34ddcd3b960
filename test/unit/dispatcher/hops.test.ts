import { describe, expect, test } from '@jest/globals'
import { isLoop, MAX_HOPS, nextHop } from '../../../dispatcher/deliver/hops.ts'
import { logRecord } from '../../builders/delivery.ts'

describe('hops', () => {
  test('count up by one, from nothing or nonsense too', () => {
    const next = (hops?: string) =>
      nextHop(logRecord(hops === undefined ? {} : { headers: { 'dormouse-hops': hops } }))[1].toString()
    expect([next(), next('3'), next('x'), next('-5'), next('1.5')]).toEqual(['1', '4', '1', '1', '1'])
  })

  test('beyond the limit are a loop, unless somebody replayed the record', () => {
    const hops = (n: number, more = {}) => isLoop(logRecord({ headers: { 'dormouse-hops': String(n), ...more } }))
    expect(hops(MAX_HOPS)).toBe(false)
    expect(hops(MAX_HOPS + 1)).toBe(true)
    expect(hops(MAX_HOPS + 1, { 'dormouse-redrive-count': '1' })).toBe(false)
    expect(isLoop(logRecord())).toBe(false)
  })
})
