/** That queries ask for what parts register, by name, label and value: a metric that is renamed must not leave an empty panel. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { createMetrics } from '../../../../lib/metrics.ts'
import { alertRules, CLUSTER_ONLY, panelQueries, selectorsOf } from '../../../../scripts/observability/queries.ts'
import { documentedMetrics } from '../../../builders/documented-metrics.ts'

const ROOT = new URL('../../../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')
const metrics = documentedMetrics()
const problems = read('docs/problems.md')
const ofNode = new Set(
  createMetrics({ processMetrics: true })
    .registry.getMetricsAsArray()
    .map(({ name }) => name),
)
const queries = [
  ...panelQueries({ functionKey: 'shop/cart' }),
  ...alertRules().map(({ alert, expr }) => ({ where: alert, expr })),
]
const selectors = queries.flatMap(({ where, expr }) => selectorsOf(expr).map((selector) => ({ where, ...selector })))

const familyOf = (metric: string) => {
  const [, base] = /^(.*)_(?:bucket|sum|count)$/.exec(metric) ?? []
  const histogram = base === undefined ? undefined : metrics.get(base)
  return metrics.get(metric) ?? (histogram?.type === 'histogram' ? histogram : undefined)
}

test('every metric in a query is one that some part registers', () => {
  const unknown = selectors.filter(({ metric }) => familyOf(metric) === undefined && !ofNode.has(metric))
  expect(unknown.map(({ where, metric }) => `${where}: ${metric}`)).toEqual([])
})

test('every label that a query selects by is one the metric has', () => {
  const wrong = selectors.flatMap(({ where, metric, matchers }) =>
    matchers
      .filter(({ label }) => familyOf(metric)?.labels.includes(label) === false)
      .map(({ label }) => `${where}: ${metric} has no ${label}`),
  )
  expect(wrong).toEqual([])
})

test('every value that a query selects by is one that docs/metrics.md or docs/problems.md has', () => {
  const words = selectors.flatMap(({ where, metric, matchers }) =>
    matchers
      .filter(({ label }) => !['function', 'name'].includes(label))
      .flatMap(({ value }) => value.split('|').map((word) => ({ where, metric, word }))),
  )
  const unknown = words.filter(({ metric, word }) => {
    const known = `${familyOf(metric)?.text ?? ''} ${/_(errors|events)_total$/.test(metric) ? problems : ''} \`5xx\` \`5..\` \`429\``
    return !known.includes(`\`${word}\``)
  })
  expect(unknown.map(({ where, metric, word }) => `${where}: ${metric} ${word}`)).toEqual([])
})

test('counters are looked at by how they rise, gauges are not', () => {
  const wrong = queries.flatMap(({ where, expr }) =>
    selectorsOf(expr)
      .filter(({ metric }) => familyOf(metric) !== undefined)
      .map(({ metric }) => ({
        where,
        metric,
        isGauge: familyOf(metric)?.type === 'gauge',
        isRated: isRated(expr, metric),
      }))
      .filter(({ isGauge, isRated: rated }) => isGauge === rated),
  )
  // Totals in a table, and a first dead letter, which has no rise: both are meant.
  const meant = /^(events: Dead letters since dispatchers began|DormouseDeadLetters)/
  expect(wrong.filter(({ where }) => !meant.test(where))).toEqual([])
})

test('what only a cluster has is documented', () => {
  for (const metric of CLUSTER_ONLY.keys()) expect([metric, metrics.has(metric)]).toEqual([metric, true])
})

describe.each(alertRules())('$alert', ({ alert, labels, annotations, for: lasting }) => {
  test('has a severity, a summary, a description and a page that says what to do', () => {
    expect(['critical', 'warning']).toContain(labels['severity'])
    expect(annotations).toEqual({
      summary: expect.stringMatching(/\.$/),
      description: expect.stringMatching(/\.$/),
      runbook_url: `https://github.com/dormouse-dev/dormouse/blob/main/docs/runbooks/${alert}.md`,
    })
    const page = read(`docs/runbooks/${alert}.md`)
    for (const title of ['## What it means', '## What users feel', '## How to look', '## How to mend'])
      expect(page).toContain(`\n${title}\n`)
    expect(page.startsWith(`# ${alert}\n`)).toBe(true)
  })

  test('is critical only when it has lasted', () => {
    if (labels['severity'] === 'critical') expect(lasting).toMatch(/^\d+m$/)
  })

  test('has tests of firing and of silence', () => {
    const tests = readdirSync(new URL('test/prometheus/', ROOT)).map((name) => read(`test/prometheus/${name}`))
    const text = tests.join('\n')
    expect(text.split(`- alertname: ${alert}\n`).length - 1).toBeGreaterThanOrEqual(2)
    expect(text).toContain(`runbooks/${alert}.md`)
  })
})

test('no page is left of an alert that is gone', () => {
  const pages = readdirSync(new URL('docs/runbooks/', ROOT)).filter((name) => name !== 'README.md')
  expect(pages.sort()).toEqual(
    alertRules()
      .map(({ alert }) => `${alert}.md`)
      .sort(),
  )
  expect(existsSync(new URL('docs/runbooks/README.md', ROOT))).toBe(true)
})

test('selectors are found with and without braces, and by a choice of names', () => {
  expect(selectorsOf('sum(rate(dormouse_a_total{x="1",y!~"b|c"}[5m])) / dormouse_b')).toEqual([
    {
      metric: 'dormouse_a_total',
      matchers: [
        { label: 'x', operator: '=', value: '1' },
        { label: 'y', operator: '!~', value: 'b|c' },
      ],
    },
    { metric: 'dormouse_b', matchers: [] },
  ])
  expect(selectorsOf('{__name__=~"dormouse_(a|b)_c",x="1"}').map(({ metric }) => metric)).toEqual([
    'dormouse_a_c',
    'dormouse_b_c',
  ])
})

/** Within rate, increase, or a comparison of totals over time. */
function isRated(expr: string, metric: string): boolean {
  return new RegExp(`(rate|increase)\\(${metric}\\b`).test(expr)
}
