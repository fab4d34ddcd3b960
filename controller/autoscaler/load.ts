/** What all data planes together say about load. Pure; who reported when, and what is too old, is the load book's. */
import type { ObjectKey } from '../../api/names.ts'
import type { LoadReport } from '../../api/protocol.ts'
import type { ObservedLoad } from './decide.ts'

export interface ReceivedReport {
  report: LoadReport
  receivedAtMs: number
}

/** The latest report of each data plane, none older than 5 s. */
export interface LoadSource {
  fresh(): Iterable<ReceivedReport>
}

/** Nothing runs, nobody remembers a call: what a data plane that does not mention a function says about it. */
export const NO_LOAD: ObservedLoad = { meanConcurrency: 0, active: 0 }

/** Undefined when no data plane reports; functions that none of them mentions are absent. */
export function totalLoad(reports: Iterable<ReceivedReport>): Map<ObjectKey, ObservedLoad> | undefined {
  let totals: Map<ObjectKey, ObservedLoad> | undefined
  for (const { report, receivedAtMs } of reports) {
    totals ??= new Map()
    for (const entry of report.functions) {
      const before = totals.get(entry.key) ?? NO_LOAD
      totals.set(entry.key, add(before, entry, receivedAtMs))
    }
  }
  return totals
}

function add(total: ObservedLoad, entry: LoadReport['functions'][number], receivedAtMs: number): ObservedLoad {
  const lastResponseAtMs =
    entry.idleMs === undefined
      ? total.lastResponseAtMs
      : Math.max(total.lastResponseAtMs ?? 0, receivedAtMs - entry.idleMs)
  return {
    meanConcurrency: total.meanConcurrency + entry.meanConcurrency,
    active: total.active + entry.inFlight + entry.queued,
    ...(lastResponseAtMs !== undefined && { lastResponseAtMs }),
  }
}

/** Requests in flight by pod uid over all data planes, for choosing victims. */
export function inFlightByPod(reports: Iterable<ReceivedReport>, key: ObjectKey): Map<string, number> {
  const totals = new Map<string, number>()
  for (const { report } of reports) {
    const endpoints = report.functions.find((entry) => entry.key === key)?.endpoints ?? {}
    for (const [uid, count] of Object.entries(endpoints)) totals.set(uid, (totals.get(uid) ?? 0) + count)
  }
  return totals
}
