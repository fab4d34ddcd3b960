/** Dashboards as Grafana reads them (its classic JSON model). Same input, same output: the files are compared byte by byte. */
import type { Dashboard, Panel, Query, Row, Variable } from './model.ts'

/** Grafana 10.0 and later read it; newer ones migrate it when they load it. */
const SCHEMA_VERSION = 39
const COLUMNS = 24
const ROW_HEIGHT = 1
const HEIGHTS: Record<Panel['kind'], number> = { number: 4, lines: 8, table: 8 }
const DEFAULT_WIDTHS: Record<Panel['kind'], number> = { number: 4, lines: 8, table: 12 }
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' }

export function render({ name, title, description, variables, rows }: Dashboard): object {
  return {
    uid: uidOf(name),
    title,
    description,
    tags: ['dormouse'],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    links: [
      {
        type: 'dashboards',
        title: 'Dormouse',
        tags: ['dormouse'],
        asDropdown: true,
        includeVars: true,
        keepTime: true,
      },
    ],
    annotations: { list: [] },
    templating: { list: [datasourceVariable(), ...variables.map(queryVariable)] },
    panels: place(rows),
  }
}

export function uidOf(name: string): string {
  return `dormouse-${name}`
}

/** Left to right, as many as fit side by side; a new line is as far down as the tallest of the one before. */
function place(rows: readonly Row[]): object[] {
  const placed: object[] = []
  let y = 0
  for (const row of rows) {
    placed.push({
      id: placed.length + 1,
      type: 'row',
      title: row.title,
      collapsed: false,
      panels: [],
      gridPos: { h: ROW_HEIGHT, w: COLUMNS, x: 0, y },
    })
    y += ROW_HEIGHT
    let [x, height] = [0, 0]
    for (const panel of row.panels) {
      const w = panel.width ?? DEFAULT_WIDTHS[panel.kind]
      if (x + w > COLUMNS) [x, y, height] = [0, y + height, 0]
      const h = HEIGHTS[panel.kind]
      placed.push({ id: placed.length + 1, ...renderPanel(panel), gridPos: { h, w, x, y } })
      x += w
      height = Math.max(height, h)
    }
    y += height
  }
  return placed
}

function renderPanel(panel: Panel): object {
  const { title, description, queries } = panel
  const isTable = panel.kind === 'table'
  const common = {
    title,
    description,
    datasource: DATASOURCE,
    targets: queries.map((query, at) => target(query, at, isTable)),
  }
  switch (panel.kind) {
    case 'lines':
      return { type: 'timeseries', ...common, fieldConfig: linesConfig(panel), options: LINES_OPTIONS }
    case 'number':
      return { type: 'stat', ...common, fieldConfig: numberConfig(panel), options: NUMBER_OPTIONS }
    case 'table':
      return {
        type: 'table',
        ...common,
        ...TABLE_OPTIONS,
        fieldConfig: { defaults: { unit: panel.unit }, overrides: [] },
      }
  }
}

function target({ expr, legend }: Query, at: number, isTable: boolean): object {
  return {
    refId: String.fromCharCode('A'.charCodeAt(0) + at),
    datasource: DATASOURCE,
    expr,
    legendFormat: legend ?? '__auto',
    ...(isTable ? { instant: true, range: false, format: 'table' } : { instant: false, range: true }),
  }
}

const LINES_OPTIONS = {
  legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
  tooltip: { mode: 'multi', sort: 'desc' },
}

function linesConfig({ unit, stacked = false }: Extract<Panel, { kind: 'lines' }>): object {
  const custom = {
    drawStyle: 'line',
    lineWidth: 1,
    fillOpacity: stacked ? 30 : 5,
    showPoints: 'never',
    spanNulls: false,
    stacking: { mode: stacked ? 'normal' : 'none', group: 'A' },
  }
  return { defaults: { unit, min: 0, color: { mode: 'palette-classic' }, custom }, overrides: [] }
}

const NUMBER_OPTIONS = {
  reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
  colorMode: 'value',
  graphMode: 'area',
  textMode: 'auto',
  justifyMode: 'auto',
  orientation: 'auto',
}

function numberConfig({ unit, warn, bad, badBelow }: Extract<Panel, { kind: 'number' }>): object {
  const steps = [
    { color: badBelow === undefined ? 'green' : 'red', value: null },
    ...(badBelow === undefined ? [] : [{ color: 'green', value: badBelow }]),
    ...(warn === undefined ? [] : [{ color: 'yellow', value: warn }]),
    ...(bad === undefined ? [] : [{ color: 'red', value: bad }]),
  ]
  return { defaults: { unit, color: { mode: 'thresholds' }, thresholds: { mode: 'absolute', steps } }, overrides: [] }
}

const TABLE_OPTIONS = {
  options: { showHeader: true, cellHeight: 'sm', sortBy: [{ displayName: 'Value', desc: true }] },
  transformations: [{ id: 'organize', options: { excludeByName: { Time: true } } }],
}

function datasourceVariable(): object {
  return {
    name: 'datasource',
    label: 'Data source',
    type: 'datasource',
    query: 'prometheus',
    hide: 0,
    refresh: 1,
    current: {},
    options: [],
  }
}

function queryVariable({ name, label, query, regex = '', all }: Variable): object {
  return {
    ...{ name, label, type: 'query', datasource: DATASOURCE, definition: query, query: { query, refId: name }, regex },
    ...{ refresh: 2, sort: 1, hide: 0, options: [] },
    ...(all === undefined
      ? { includeAll: false, multi: false, current: {} }
      : {
          includeAll: true,
          multi: true,
          allValue: all,
          current: { selected: true, text: ['All'], value: ['$__all'] },
        }),
  }
}
