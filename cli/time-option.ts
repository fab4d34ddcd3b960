/** Times as users write them: a moment, or how long ago. Pure. */
import { DURATION_PATTERN, durationMs } from '../api/duration.ts'
import { CliError } from './cli-error.ts'
import { EXIT } from './exit-codes.ts'

const DURATION = new RegExp(DURATION_PATTERN)
const DAYS = /^([0-9]{1,4})d$/
const DAY_MS = 86_400_000

/** ISO 8601. Throws CliError (usage). */
export function timeOf(option: string, text: string, nowMs: number): string {
  const epochMs = epochMsOf(text, nowMs)
  if (!Number.isNaN(epochMs)) return new Date(epochMs).toISOString()
  const expected = 'a time such as 2026-01-31T12:00:00Z or a duration such as 10m'
  throw new CliError(EXIT.usage, `${option}: expected ${expected}, got ${JSON.stringify(text)}`)
}

function epochMsOf(text: string, nowMs: number): number {
  if (DURATION.test(text)) return nowMs - durationMs(text)
  const [, days] = DAYS.exec(text) ?? []
  return days === undefined ? Date.parse(text) : nowMs - Number(days) * DAY_MS
}
