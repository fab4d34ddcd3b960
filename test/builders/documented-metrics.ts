/** What docs/metrics.md says there is. That it is true is what test/integration/local/metrics.test.ts holds it to. */
import { readFileSync } from 'node:fs'

export interface Family {
  type: string
  labels: string[]
  /** The row's text, with the values that labels have. */
  text: string
}

/** Rows of the page's first table, by metric. */
export function documentedMetrics(): Map<string, Family> {
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `(dormouse_\w+)` \| (\w+) \|([^|]*)\|(.*)\|$/gm)]
  return new Map(
    rows.map(([, name = '', type = '', labels = '', text = '']) => [
      name,
      { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label), text },
    ]),
  )
}
