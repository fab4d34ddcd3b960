import { expect, test } from '@jest/globals'
import type { DeadLetterInfo } from '../../../api/events-api.ts'
import { deadLetterTable } from '../../../cli/output/dead-letters.ts'
import { formatRecord } from '../../../cli/output/payload.ts'
import { visible } from '../../../cli/output/visible.ts'

test('control characters of others do not reach the terminal; lines, tabs and every other letter do', () => {
  expect(visible('\u001b[2Jgone\u0007\u009b31m\r\u007f')).toBe('\\u001b[2Jgone\\u0007\\u009b31m\\u000d\\u007f')
  expect(visible('a\tb\r\ncé😀\u00a0')).toBe('a\tb\r\ncé😀\u00a0')
})

test('a record and a dead letter are shown so', () => {
  const record = { topic: 't', partition: 0, offset: 1, timestamp: '2026-01-01T00:00:00Z', key: null, headers: [] }
  expect(formatRecord({ ...record, value: { text: 'a\u009bc' } })).toMatch(/ {2}a\\u009bc$/)
  const about = { id: '0-1', deliveryId: 'd', class: 'handled', message: '\u001b[2J', attempts: 1, redriveCount: 0 }
  const letter = { ...record, ...about, value: null, origin: record } as unknown as DeadLetterInfo
  expect(deadLetterTable([letter], 0)).toMatch(/ {3}\\u001b\[2J$/)
})
