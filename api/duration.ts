/**
 * Kubernetes-style durations: `30s`, `5m`, `1h30m`, `250ms`. The digits are bounded so that CEL's duration() never overflows and
 * microseconds are exact.
 */
const NUMBER = '[0-9]{1,6}(\\.[0-9]{1,3})?'
const UNIT_US = { ms: 1_000, s: 1_000_000, m: 60_000_000, h: 3_600_000_000 } as const

export const DURATION_PATTERN = `^(${NUMBER}(ms|s|m|h))+$`

/** Longest text a duration may have, in characters. */
export const DURATION_MAX_LENGTH = 20

const WHOLE = new RegExp(DURATION_PATTERN)
const PART = /([0-9]+)(?:\.([0-9]+))?(ms|s|m|h)/g

/** `1m30s` → 90000. Expects text that matches DURATION_PATTERN; throws RangeError otherwise. */
export function durationMs(text: string): number {
  if (!WHOLE.test(text)) throw new RangeError(`expected a duration like 30s or 5m, got ${JSON.stringify(text)}`)
  let totalUs = 0
  for (const [, whole = '0', fraction = '', unit] of text.matchAll(PART)) {
    const thousandths = Number(whole) * 1000 + Number(fraction.padEnd(3, '0'))
    totalUs += (thousandths * UNIT_US[unit as keyof typeof UNIT_US]) / 1000
  }
  return totalUs / 1000
}
