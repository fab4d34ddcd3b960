/** What our dashboards are made of: less than Grafana can, all that we use. render.ts turns it into Grafana's JSON. */

/** Grafana's ids of units. */
export type Unit =
  'short' | 'reqps' | 'cps' | 'ops' | 's' | 'bytes' | 'percentunit' | 'suffix:GB·s' | 'suffix:GB' | 'bool_on_off'

export interface Query {
  /** PromQL with Grafana's variables. */
  expr: string
  /** Of the series, with `{{label}}`; default: all labels. */
  legend?: string
}

interface Common {
  title: string
  /** What it shows and what to make of it: Grafana's tooltip. */
  description: string
  unit: Unit
  queries: readonly Query[]
  /** Of 24; default 8. */
  width?: number
}

export type Panel =
  | (Common & { kind: 'lines'; stacked?: boolean })
  /** One number; `good` colours it: values from `warn` or `bad` on are yellow and red. */
  | (Common & { kind: 'number'; warn?: number; bad?: number; badBelow?: number })
  /** One row per series, newest value. */
  | (Common & { kind: 'table' })

export interface Row {
  title: string
  panels: readonly Panel[]
}

export interface Variable {
  name: string
  label: string
  /** PromQL of Grafana's kind: `label_values(metric, label)`. */
  query: string
  /** Takes a part of each value: the first group. */
  regex?: string
  /** What "All" stands for in queries; without it exactly one value is chosen. */
  all?: string
}

export interface Dashboard {
  /** Also the file's name; stable: links and bookmarks use it. */
  name: string
  title: string
  description: string
  variables: readonly Variable[]
  rows: readonly Row[]
}
