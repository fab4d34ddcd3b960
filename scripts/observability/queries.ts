/**
 * Every query we ship, of dashboards and alert rules, with Grafana's variables filled in: what tests put to a Prometheus, here against local
 * mode and in test/e2e against a cluster.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { DASHBOARDS } from './dashboards.ts'

export const RULES_FILE = fileURLToPath(new URL('../../charts/dormouse/rules/dormouse.yaml', import.meta.url))

export interface ShippedQuery {
  /** Dashboard, panel and legend, or the alert. */
  where: string
  expr: string
}

/** What Grafana would put in. */
export interface Choice {
  /** `namespace/name` of a function that is called, woken, and has events. */
  functionKey: string
  /** As Prometheus durations; default 1m. */
  rateInterval?: string
}

export function panelQueries({ functionKey, rateInterval = '1m' }: Choice): ShippedQuery[] {
  const values: Record<string, string> = {
    ...Object.fromEntries(DASHBOARDS.flatMap(({ variables }) => variables.map(({ name, all }) => [name, all ?? '']))),
    function: functionKey,
    __rate_interval: rateInterval,
    __range: rateInterval,
  }
  return DASHBOARDS.flatMap(({ name, rows }) =>
    rows.flatMap(({ panels }) =>
      panels.flatMap((panel) =>
        panel.queries.map(({ expr, legend = '' }) => ({
          where: `${name}: ${panel.title}: ${legend}`,
          expr: filled(expr, values),
        })),
      ),
    ),
  )
}

export interface AlertRule {
  alert: string
  expr: string
  for?: string
  labels: Record<string, string>
  annotations: Record<string, string>
}

export function alertRules(): AlertRule[] {
  const { groups } = parse(readFileSync(RULES_FILE, 'utf8')) as { groups: { rules: AlertRule[] }[] }
  return groups.flatMap(({ rules }) => rules)
}

/**
 * Alerts are empty while all is well: what must be there are the metrics they look at, whatever their labels.
 */
export function alertQueries(): ShippedQuery[] {
  return alertRules().flatMap(({ alert, expr }) =>
    [...new Set(selectorsOf(expr).map(({ metric }) => metric))].map((metric) => ({ where: alert, expr: metric })),
  )
}

/** Of our own metrics, what a cluster has and local mode has not, and why. */
export const CLUSTER_ONLY: ReadonlyMap<string, string> = new Map([
  ['dormouse_kube_requests_total', 'the cluster in memory has no requests'],
  ['dormouse_kube_request_duration_seconds', 'the cluster in memory has no requests'],
])

export interface Selector {
  metric: string
  matchers: { label: string; operator: string; value: string }[]
}

/** The metrics an expression reads. `{__name__=~"dormouse_(a|b)_x"}` are two. */
export function selectorsOf(expr: string): Selector[] {
  return [...expr.matchAll(SELECTOR)].flatMap(([, name = '', braces, only]) => {
    const matchers = [...(braces ?? only ?? '').matchAll(MATCHER)].map(([, label = '', operator = '', value = '']) => ({
      label,
      operator,
      value,
    }))
    const names = name === '' ? namesOf(matchers.find(({ label }) => label === '__name__')?.value ?? '') : [name]
    return names.map((metric) => ({ metric, matchers: matchers.filter(({ label }) => label !== '__name__') }))
  })
}

const SELECTOR = /(?:\b((?:dormouse|process|nodejs)_\w+)(?:\{([^}]*)\})?|\{(__name__[^}]*)\})/g
const MATCHER = /(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g

/** `a_(b|c)_d` → `a_b_d`, `a_c_d`. */
function namesOf(pattern: string): string[] {
  const [, before = '', choices = '', after = ''] = /^(\w*)\(([\w|]+)\)(\w*)$/.exec(pattern) ?? []
  return choices.split('|').map((choice) => before + choice + after)
}

/** Throws when a variable has no value: Prometheus would only say that the query does not parse. */
function filled(expr: string, values: Record<string, string>): string {
  return expr.replaceAll(/\$(\w+)/g, (text, name: string) => {
    const value = values[name]
    if (value === undefined || value === '') throw new Error(`expected a value for ${text} of ${expr}`)
    return value
  })
}
