/** Numbers of a benchmark run: percentiles, and rows of the table in docs/benchmarks.md. */

/** Nearest-rank percentile of unsorted values; NaN when there are none. */
export function percentile(values: readonly number[], rank: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((rank / 100) * sorted.length) - 1)] ?? Number.NaN
}

export function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`
}

export interface Row {
  what: string
  measured: string
  goal: string
  reached: boolean
}

/** Prints the rows as a Markdown table; the process exits 1 when a goal was missed, so that nobody overlooks it. */
export function report(title: string, rows: readonly Row[]): void {
  console.log(`\n### ${title}\n\n| what | measured | goal | reached |\n| --- | --- | --- | --- |`)
  for (const { what, measured, goal, reached } of rows) {
    console.log(`| ${what} | ${measured} | ${goal} | ${reached ? 'yes' : '**no**'} |`)
    if (!reached) process.exitCode = 1
  }
}
