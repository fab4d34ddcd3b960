/** Puts the queries of dashboards and alerts to a Prometheus that has watched a busy system, and tells which of them show nothing. */
import {
  alertQueries,
  panelQueries,
  selectorsOf,
  type Choice,
  type ShippedQuery,
} from '../../scripts/observability/queries.ts'
import type { Prometheus, Sample } from './prometheus.ts'
import { errorText } from '../../lib/error-text.ts'

export interface QueryCheck extends Choice {
  /** How long the system has been watched and busy; functions sleep now and then, and then have neither pods nor queues. */
  lastSeconds: number
  /** Metrics that cannot be there → why: queries of them need only be valid. */
  absent?: ReadonlyMap<string, string>
}

/** A sentence for each query that is not valid, has no series, or none with a number. */
export async function emptyQueries(prometheus: Pick<Prometheus, 'drawn'>, check: QueryCheck): Promise<string[]> {
  const complaints: string[] = []
  for (const query of [...panelQueries(check), ...alertQueries()]) {
    const complaint = await complaintOf(() => prometheus.drawn(query.expr, check.lastSeconds))
    if (complaint === undefined || (complaint.kind === 'empty' && isAbsent(query, check))) continue
    complaints.push(`${query.where}: ${complaint.text}: ${query.expr}`)
  }
  return complaints
}

function isAbsent({ expr }: ShippedQuery, { absent = new Map() }: QueryCheck): boolean {
  return selectorsOf(expr).some(({ metric }) => absent.has(metric))
}

type Complaint = { kind: 'empty' | 'invalid'; text: string }

async function complaintOf(draw: () => Promise<Sample[]>): Promise<Complaint | undefined> {
  try {
    const samples = await draw()
    if (samples.length === 0) return { kind: 'empty', text: 'no series' }
    if (samples.every(({ value }) => Number.isNaN(value))) return { kind: 'empty', text: 'nothing but NaN' }
    return undefined
  } catch (error) {
    return { kind: 'invalid', text: errorText(error) }
  }
}
