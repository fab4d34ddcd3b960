/** Metrics of a part's pods, as Prometheus would read them. */
import type { ClientNodeCluster } from '../../../kube/client-node/client-node-cluster.ts'
import { call } from '../../e2e/call.ts'
import { partPods } from './bench-cluster.ts'

export interface Series {
  name: string
  labels: Record<string, string>
  value: number
}

const MANAGEMENT_PORT = 9090

/** Of all its pods, one after the other. */
export async function scrape(api: ClientNodeCluster, part: string): Promise<Series[]> {
  const addresses = (await partPods(api, part)).flatMap(({ status }) => status?.podIP ?? [])
  const texts = await Promise.all(
    addresses.map((address) => call(`http://${address}:${MANAGEMENT_PORT}/metrics`, { method: 'GET' })),
  )
  return texts.flatMap(({ text }) => parseSeries(text))
}

export function parseSeries(text: string): Series[] {
  return text.split('\n').flatMap((line) => {
    const found = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/i.exec(line)
    if (found === null) return []
    const [, name = '', inside = '', value] = found
    const labels = [...inside.matchAll(/([a-z_][a-z0-9_]*)="((?:[^"\\]|\\.)*)"/gi)]
    return [{ name, labels: Object.fromEntries(labels.map(([, label, text]) => [label, text])), value: Number(value) }]
  })
}
