/** What a run of jest came to, and how it is told: the last line of everything here that runs tests. */
import { readFileSync } from 'node:fs'

export interface Counts {
  passed: number
  failed: number
  skipped: number
}

export function sum(parts: readonly Counts[]): Counts {
  const add = (a: Counts, b: Counts): Counts => ({
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
  })
  return parts.reduce(add, { passed: 0, failed: 0, skipped: 0 })
}

export const tell = ({ passed, failed, skipped }: Counts): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`

/** What suites say in their titles: `[skipped: REASON]`. */
const REASON = /\[skipped: (.*)\]/

/** A line for each reason for which suites of jest's `--outputFile` were skipped, with how many tests that are: jest itself names neither. */
export function tellSkips(file: string): string[] {
  const counts = new Map<string, number>()
  try {
    const { testResults } = JSON.parse(readFileSync(file, 'utf8'))
    for (const { assertionResults } of testResults)
      for (const { status, ancestorTitles, fullName } of assertionResults) {
        if (status !== 'pending') continue
        const reason = REASON.exec(ancestorTitles.join(' '))?.[1] ?? fullName
        counts.set(reason, (counts.get(reason) ?? 0) + 1)
      }
  } catch {
    return []
  }
  return [...counts].map(([reason, count]) => `SKIP ${count} test${count === 1 ? '' : 's'}: ${reason}`)
}

/** Of jest's `--outputFile`. A file that does not load, and a jest that ends without a word, are failures. */
export function readCounts(file: string, code: number): Counts {
  try {
    const result = JSON.parse(readFileSync(file, 'utf8'))
    const failed = Number(result.numFailedTests) + Number(result.numRuntimeErrorTestSuites)
    return {
      passed: Number(result.numPassedTests),
      failed: failed === 0 && code !== 0 ? 1 : failed,
      skipped: Number(result.numPendingTests) + Number(result.numTodoTests),
    }
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }
  }
}
