/** Columns as kubectl prints them: upper-case heads, three spaces between, nothing after the last. */
export function formatTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heads, ...rows]
  const widths = heads.map((_, column) => Math.max(...all.map((row) => displayWidth(row[column] ?? ''))))
  return all.map((row) => formatRow(row, widths)).join('\n')
}

function formatRow(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, column) => cell + ' '.repeat(Math.max((widths[column] ?? 0) - displayWidth(cell), 0)))
    .join('   ')
    .trimEnd()
}

const displayWidth = (text: string) => [...text].length
