/** The chart that ships beside this command, and the CRDs in it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse } from 'yaml'
import type { CustomResourceDefinition, JsonSchema } from '../cluster/platform-kinds.ts'
import { VERSION as API_VERSION } from '../../api/names.ts'
import { BESIDE } from './beside.ts'

const CHART = join('charts', 'dormouse')

/** Its folder; undefined where this command came without it. From the sources it lies two folders up, beside a bundle in the same one. */
export function findChart(from = BESIDE): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const chart = join(folder, CHART)
    if (existsSync(join(chart, 'Chart.yaml'))) return chart
    if (dirname(folder) === folder) return undefined
  }
}

/** As they would be applied. */
export function readCrds(chart: string): CustomResourceDefinition[] {
  const folder = join(chart, 'crds')
  if (!existsSync(folder)) return []
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
  return files.sort().map((name) => parse(readFileSync(join(folder, name), 'utf8')) as CustomResourceDefinition)
}

/** By name of the CRD: what this command knows. Undefined without a chart. */
export function wantedSchemas(chart = findChart()): Map<string, JsonSchema> | undefined {
  if (chart === undefined) return undefined
  return new Map(
    readCrds(chart).flatMap(({ metadata, spec }): [string, JsonSchema][] => {
      const schema = spec.versions.find(({ name }) => name === API_VERSION)?.schema?.openAPIV3Schema
      return schema === undefined ? [] : [[metadata.name, schema]]
    }),
  )
}
