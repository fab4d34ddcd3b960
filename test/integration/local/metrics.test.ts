import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { CLUSTER_ONLY } from '../../../scripts/observability/queries.ts'
import { documentedMetrics } from '../../builders/documented-metrics.ts'
import { eventsOf, eventTrigger } from '../../builders/event-platform.ts'
import { eventually } from '../../builders/eventually.ts'
import { startPlatform, type TestPlatform } from '../../builders/local-platform.ts'

jest.setTimeout(60_000)

const meta = (kind: string, name: string) => ({ apiVersion: 'dormouse.dev/v1alpha1', kind, metadata: { name } })
const fn = (name: string, code: string) => ({
  ...meta('Function', name),
  spec: { runtime: 'node', code: { inline: { 'index.mjs': code } } },
})

interface Family {
  type: string
  labels: string[]
}

/** Families of a scrape that are ours, with every label any of their samples has. */
function exposed(text: string): Map<string, Family> {
  const families = new Map<string, Family>()
  for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (dormouse_\w+) (\w+)$/gm))
    families.set(name, { type, labels: [] })
  for (const [, sample = '', labels = ''] of text.matchAll(/^(dormouse_\w+)\{([^}]*)\}/gm)) {
    const family = families.get(sample) ?? families.get(sample.replace(/_(bucket|sum|count)$/, ''))
    const names = [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label).filter((label) => label !== 'le')
    family?.labels.push(...names.filter((label) => !family.labels.includes(label)))
  }
  return families
}

let platform: TestPlatform
const scrape = async () => (await fetch(`${platform.managementUrl}/metrics`)).text()

beforeAll(async () => {
  platform = await startPlatform({
    manifests: [
      fn('works', 'export const handler = async () => 1'),
      fn('gone', 'export const handler = async () => 1'),
      fn('broken', 'export const handler = ('),
      fn('fails', 'export const handler = async () => { throw new Error("no") }'),
      eventTrigger('all', 'fails', {
        kafka: { topics: ['all'] },
        retry: { maxAttempts: 2, backoff: { initial: '10ms' } },
      }),
    ],
  })
  const events = eventsOf(platform)
  await events.publish('all', 1)
  await eventually('a dead letter', async () => (await events.deadLetters('trigger/all')).length === 1)
  for (const name of ['works', 'gone', 'broken']) await (await platform.invoke(name)).text()
  await (await fetch(`${platform.publicUrl}/nowhere`)).text()
})
afterAll(() => platform.stop())

test('docs/metrics.md names every metric there is, with its type, and none that is not', async () => {
  const types = (families: Map<string, Pick<Family, 'type'>>) =>
    [...families].map(([name, { type }]) => `${name} ${type}`).sort()
  const page = [...documentedMetrics()].filter(([name]) => !CLUSTER_ONLY.has(name))
  expect(types(new Map(page))).toEqual(types(exposed(await scrape())))
})

test('docs/metrics.md names every label that samples have', async () => {
  const page = documentedMetrics()
  for (const [name, { labels }] of exposed(await scrape()))
    expect({ name, unknown: labels.filter((label) => !page.get(name)!.labels.includes(label)) }).toEqual({
      name,
      unknown: [],
    })
})

test('names say the part, and the unit where there is one', async () => {
  for (const [name, { type }] of exposed(await scrape())) {
    expect(name).toMatch(/^dormouse_(controller|dispatcher|gateway)_/)
    expect({ name, total: name.endsWith('_total') }).toEqual({ name, total: type === 'counter' })
    if (type === 'histogram') expect(name).toMatch(/_(seconds|bytes)$/)
  }
})

test('the series of a function that is deleted go with it', async () => {
  expect(await scrape()).toContain('function="default/gone"')
  await platform.client.delete({ plural: 'functions', name: 'gone', namespace: 'default' })
  await eventually('no series', async () => !(await scrape()).includes('function="default/gone"'))
  expect(await scrape()).toContain('function="default/works"')
})
