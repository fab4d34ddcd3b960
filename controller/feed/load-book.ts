import type { LoadReport } from '../../api/protocol.ts'
import type { Clock } from '../../lib/clock.ts'
import type { LoadSource, ReceivedReport } from '../autoscaler/load.ts'

/** Older than this, a report says nothing any more: its data plane is gone or cut off. */
export const FRESH_MS = 5_000

/** What each data plane last said about load. */
export interface LoadBook extends LoadSource {
  put(report: LoadReport): void
  fresh(): ReceivedReport[]
  /** Called after put. Returns the unsubscribe. */
  onReport(listener: () => void): () => void
}

export function createLoadBook(clock: Pick<Clock, 'now'>): LoadBook {
  const latest = new Map<string, ReceivedReport>()
  const listeners = new Set<() => void>()
  const forgetOld = () => {
    const oldest = clock.now() - FRESH_MS
    for (const [reporter, { receivedAtMs }] of latest) if (receivedAtMs < oldest) latest.delete(reporter)
  }
  return {
    put(report) {
      latest.set(report.reporter, { report, receivedAtMs: clock.now() })
      listeners.forEach((listener) => listener())
    },
    fresh() {
      forgetOld()
      return [...latest.values()]
    },
    onReport(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
