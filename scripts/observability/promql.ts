/** The few forms that most of our queries have. Counters and histograms are summed over processes; `$__rate_interval` is Grafana's. */

const RANGE = '[$__rate_interval]'

export function perSecond(metric: string, matchers = '', by = ''): string {
  return sum(rate(metric, matchers), by)
}

export function quantile(q: number, histogram: string, { matchers = '', by = '' } = {}): string {
  return ofBuckets(q, rate(`${histogram}_bucket`, matchers), by)
}

export function quantiles(histogram: string, matchers = ''): { expr: string; legend: string }[] {
  return [0.5, 0.95, 0.99].map((q) => ({ expr: quantile(q, histogram, { matchers }), legend: `p${q * 100}` }))
}

/**
 * What gateways and dispatchers count under one name each, together. In local mode both are one process, with the same labels: the added one
 * keeps their series apart.
 */
export function planes(what: string, matchers = ''): string {
  const events = `label_replace(${rate(`dormouse_dispatcher_${what}`, matchers)}, "part", "dispatcher", "", "")`
  return `(${rate(`dormouse_gateway_${what}`, matchers)} or ${events})`
}

export function planesPerSecond(what: string, matchers = '', by = ''): string {
  return sum(planes(what, matchers), by)
}

export function planesQuantile(q: number, histogram: string, { matchers = '', by = '' } = {}): string {
  return ofBuckets(q, planes(`${histogram}_bucket`, matchers), by)
}

/** Every controller replica knows all pods: the most that any of them sees, not their sum. */
export function seen(gauge: string, matchers: string, by: string): string {
  return `max by (${by}) (${gauge}${braces(matchers)})`
}

function rate(metric: string, matchers: string): string {
  return `rate(${metric}${braces(matchers)}${RANGE})`
}

function sum(expr: string, by: string): string {
  return by === '' ? `sum(${expr})` : `sum by (${by}) (${expr})`
}

function ofBuckets(q: number, buckets: string, by: string): string {
  return `histogram_quantile(${q}, ${sum(buckets, by === '' ? 'le' : `le, ${by}`)})`
}

function braces(matchers: string): string {
  return matchers === '' ? '' : `{${matchers}}`
}
