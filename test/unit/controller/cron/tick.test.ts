import { expect, test } from '@jest/globals'
import { isTick, tickId, tickRecord } from '../../../../controller/cron/tick.ts'

const TICK = {
  key: 'shop/report' as const,
  uid: '0b7c2d1e-0000-4000-8000-000000000000',
  dueMs: Date.parse('2026-01-01T09:00:00Z'),
  payload: undefined,
}

const headersOf = (tick: Parameters<typeof tickRecord>[0]) =>
  Object.fromEntries(tickRecord(tick).headers.map(([name, value]) => [name, value.toString()]))

test('a tick is a CloudEvent in binary mode that says who was due and when', () => {
  const record = tickRecord(TICK)
  expect(record.topic).toBe('dormouse.shop.report.ticks')
  expect(JSON.parse(String(record.value))).toEqual({ trigger: 'shop/report', scheduledAt: '2026-01-01T09:00:00.000Z' })
  expect(headersOf(TICK)).toEqual({
    'dormouse-delivery-id': tickId(TICK),
    ce_specversion: '1.0',
    ce_id: tickId(TICK),
    ce_type: 'dev.dormouse.cron.tick',
    ce_source: '/apis/dormouse.dev/v1alpha1/namespaces/shop/triggers/report',
    ce_time: '2026-01-01T09:00:00.000Z',
    'content-type': 'application/json',
  })
})

test('its id is a UUID, the same whoever computes it, another for another time or Trigger', () => {
  expect(tickId(TICK)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(tickId({ ...TICK })).toBe(tickId(TICK))
  expect(tickId({ ...TICK, dueMs: TICK.dueMs + 60_000 })).not.toBe(tickId(TICK))
  expect(tickId({ ...TICK, uid: 'another' })).not.toBe(tickId(TICK))
})

test('a payload goes as it is, and is called JSON only when it is', () => {
  expect(String(tickRecord({ ...TICK, payload: '{"n": 1}' }).value)).toBe('{"n": 1}')
  expect(headersOf({ ...TICK, payload: '{"n": 1}' })['content-type']).toBe('application/json')
  expect(headersOf({ ...TICK, payload: 'good morning' })['content-type']).toBe('text/plain; charset=utf-8')
})

test('a stored record is recognised', () => {
  const stored = { ...tickRecord(TICK), partition: 0, offset: 0, timestampMs: 0 }
  expect(isTick(stored, TICK)).toBe(true)
  expect(isTick(stored, { ...TICK, dueMs: 0 })).toBe(false)
})
