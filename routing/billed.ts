/** What a call is billed by: the milliseconds its runtime reports. */

const FIELD = 'billed='
const ZERO = 48
const NINE = 57

/** `billed` of a `dormouse-report`; undefined when it says none. On the hot path: makes nothing but the number. */
export function billedMsOf(report: string | string[] | undefined): number | undefined {
  if (typeof report !== 'string') return undefined
  const at = report.indexOf(FIELD)
  if (at < 0) return undefined
  let ms = 0
  let next = at + FIELD.length
  for (let digit = report.charCodeAt(next); digit >= ZERO && digit <= NINE; digit = report.charCodeAt(++next)) {
    ms = ms * 10 + (digit - ZERO)
  }
  return next === at + FIELD.length ? undefined : ms
}

/**
 * Milliseconds are billed as started, so a report may say one more than was measured here; never more than that: images of users' own
 * answer what they like. Without a report (aborted calls, such images) what was measured counts.
 */
export function billable(measuredMs: number, reportedMs: number | undefined): number {
  return reportedMs === undefined ? measuredMs : Math.min(reportedMs, measuredMs + 1)
}
