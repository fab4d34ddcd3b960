import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { dashboardFiles } from '../../../../scripts/generate-dashboards.ts'
import { DASHBOARDS } from '../../../../scripts/observability/dashboards.ts'
import { render } from '../../../../scripts/observability/render.ts'

interface GridPos {
  x: number
  y: number
  w: number
  h: number
}
interface RenderedPanel {
  id: number
  type: string
  title: string
  description?: string
  datasource?: object
  gridPos: GridPos
  targets?: { refId: string; expr: string; datasource: object }[]
  fieldConfig?: { defaults: { unit?: string } }
}
interface Rendered {
  uid: string
  title: string
  schemaVersion: number
  panels: RenderedPanel[]
  templating: { list: { name: string; type: string; query: unknown }[] }
}

const rendered = DASHBOARDS.map((dashboard) => render(dashboard) as Rendered)
const table = rendered.map((dashboard) => ({ name: dashboard.uid, dashboard }))

test('the files in the chart are what the code makes', () => {
  for (const [name, content] of dashboardFiles()) {
    const file = new URL(`../../../../charts/dormouse/dashboards/${name}`, import.meta.url)
    expect({ name, same: readFileSync(file, 'utf8') === content }).toEqual({ name, same: true })
  }
})

test('dashboards have uids that Grafana takes and no two the same', () => {
  const uids = rendered.map(({ uid }) => uid)
  expect(new Set(uids).size).toBe(uids.length)
  // Grafana's limits.
  for (const uid of uids) expect(uid).toMatch(/^[a-zA-Z0-9_-]{1,40}$/)
})

describe.each(table)('$name', ({ dashboard }) => {
  const { panels } = dashboard
  const drawn = panels.filter(({ type }) => type !== 'row')

  test('has panels with ids of their own, none over another or beyond the edge', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    for (const [index, { gridPos: a, title }] of panels.entries()) {
      expect({ title, fits: a.x >= 0 && a.x + a.w <= 24 && a.w > 0 && a.h > 0 }).toEqual({ title, fits: true })
      const over = panels.slice(index + 1).filter(({ gridPos: b }) => overlaps(a, b))
      expect({ title, over: over.map((other) => other.title) }).toEqual({ title, over: [] })
    }
  })

  test('has a description, a unit and a data source at every panel, and titles that differ', () => {
    for (const { title, description, fieldConfig, datasource } of drawn) {
      expect({ title, unit: fieldConfig?.defaults.unit }).toEqual({ title, unit: expect.any(String) })
      expect(description).toMatch(/^\S[^]{20,}\.$/)
      expect(datasource).toEqual({ type: 'prometheus', uid: '${datasource}' })
    }
    expect(new Set(drawn.map(({ title }) => title)).size).toBe(drawn.length)
  })

  test('uses no variable that it does not have, and has none that it does not use', () => {
    const names = dashboard.templating.list.map(({ name }) => name)
    const variables = JSON.stringify(dashboard.templating.list.map(({ query }) => query))
    const exprs = drawn.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join('\n')
    const used = [...`${exprs}${variables}`.matchAll(/\$(\w+)/g)].map(([, name = '']) => name)
    const own = used.filter((name) => !name.startsWith('__'))
    expect([...new Set([...own, 'datasource'])].sort()).toEqual([...names].sort())
    expect(
      used.filter((name) => name.startsWith('__')).every((name) => ['__rate_interval', '__range'].includes(name)),
    ).toBe(true)
  })

  test('has queries with letters of their own in every panel', () => {
    for (const { title, targets = [] } of drawn) {
      const letters = targets.map(({ refId }) => refId)
      expect({ title, letters: letters.join('') }).toEqual({ title, letters: 'ABCDEFGH'.slice(0, letters.length) })
      expect(letters.length).toBeGreaterThan(0)
    }
  })
})

test('the overlap test finds overlaps', () => {
  expect(overlaps({ x: 0, y: 0, w: 8, h: 8 }, { x: 7, y: 7, w: 8, h: 8 })).toBe(true)
  expect(overlaps({ x: 0, y: 0, w: 8, h: 8 }, { x: 8, y: 0, w: 8, h: 8 })).toBe(false)
})

test('Helm and Grafana read them: JSON that is YAML, too', () => {
  for (const content of dashboardFiles().values()) expect(parse(content)).toEqual(JSON.parse(content))
})

function overlaps(a: GridPos, b: GridPos): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
}
