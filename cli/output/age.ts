/** Time since then, as kubectl shows it: two units while small, one when large. */
const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

export function formatAge(durationMs: number): string {
  const ms = Math.max(durationMs, 0)
  if (ms < 2 * MINUTE_MS) return `${Math.floor(ms / SECOND_MS)}s`
  if (ms < 10 * MINUTE_MS) return pair([ms, MINUTE_MS, 'm'], [SECOND_MS, 's'])
  if (ms < 3 * HOUR_MS) return `${Math.floor(ms / MINUTE_MS)}m`
  if (ms < 8 * HOUR_MS) return pair([ms, HOUR_MS, 'h'], [MINUTE_MS, 'm'])
  if (ms < 2 * DAY_MS) return `${Math.floor(ms / HOUR_MS)}h`
  if (ms < 8 * DAY_MS) return pair([ms, DAY_MS, 'd'], [HOUR_MS, 'h'])
  return `${Math.floor(ms / DAY_MS)}d`
}

function pair([ms, unitMs, unit]: [number, number, string], [restMs, restUnit]: [number, string]): string {
  const rest = Math.floor((ms % unitMs) / restMs)
  return `${Math.floor(ms / unitMs)}${unit}${rest === 0 ? '' : `${rest}${restUnit}`}`
}
