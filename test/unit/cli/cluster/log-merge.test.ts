import { expect, test } from '@jest/globals'
import { mergeLines, parseStampedLine } from '../../../../cli/cluster/log-merge.ts'

const line = (pod: string, text: string) => parseStampedLine(pod, text)!

test('a line keeps its text, spaces and tabs and all', () => {
  expect(line('a', '2026-11-26T17:00:00.123456789Z   x\ty ').text).toBe('  x\ty ')
  expect(line('a', '2026-11-26T17:00:00.123456789Z ').text).toBe('')
})

test('a line without a time is none', () => {
  expect(parseStampedLine('a', 'unable to retrieve container logs')).toBeUndefined()
})

test('times compare to the nanosecond, whatever zone and precision the kubelet writes', () => {
  const at = (stamp: string) => line('a', `${stamp} x`).at
  expect(at('2026-11-26T17:00:00.000000001Z') > at('2026-11-26T17:00:00Z')).toBe(true)
  expect(at('2026-11-26T17:00:00.1Z') > at('2026-11-26T17:00:00.099999999Z')).toBe(true)
  expect(at('2026-11-26T19:00:00.5+02:00')).toBe(at('2026-11-26T17:00:00.5Z'))
})

test('lines of several pods come by time; those of one pod keep their order; the newest are kept', () => {
  const a = ['2026-11-26T17:00:01Z a1', '2026-11-26T17:00:03Z a2', '2026-11-26T17:00:03Z a3'].map((text) =>
    line('a', text),
  )
  const b = ['2026-11-26T17:00:02Z b1', '2026-11-26T17:00:04Z b2'].map((text) => line('b', text))
  expect(mergeLines([a, b], 4).map(({ text }) => text)).toEqual(['b1', 'a2', 'a3', 'b2'])
  expect(mergeLines([a, b], 0)).toEqual([])
})
