import { afterEach, expect, test } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCounts, tellSkips } from '../../../scripts/jest-counts.ts'

const directory = mkdtempSync(join(tmpdir(), 'dormouse-counts-'))
const file = join(directory, 'result.json')
afterEach(() => rmSync(directory, { recursive: true, force: true }))

test('skipped tests are told with the reason in the title of their suite, others with their own name', () => {
  const test = (status: string, ...ancestorTitles: string[]) => ({ status, ancestorTitles, fullName: 'a test' })
  const helm = 'the chart [skipped: there is no helm]'
  const results = [
    [test('pending', helm), test('passed', 'the chart'), test('pending', helm, 'inner')],
    [test('pending'), test('failed', helm)],
  ]
  writeFileSync(file, JSON.stringify({ testResults: results.map((assertionResults) => ({ assertionResults })) }))
  expect(tellSkips(file)).toEqual(['SKIP 2 tests: there is no helm', 'SKIP 1 test: a test'])
})

test('a run that wrote nothing is one failure and tells of no skips', () => {
  expect(tellSkips(file)).toEqual([])
  expect(readCounts(file, 1)).toEqual({ passed: 0, failed: 1, skipped: 0 })
})
