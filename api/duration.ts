const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Kubernetes-style durations: `30s`, `5m`, `1h30m`, `250ms`. */
export const DURATION_PATTERN = '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$'

/** `1m30s` → 90000. Expects text that matches DURATION_PATTERN; throws RangeError otherwise. */
export function durationMs(text: string): number {
  if (!new RegExp(DURATION_PATTERN).test(text)) throw new RangeError(`expected a duration like 30s or 5m, got ${JSON.stringify(text)}`)
  let total = 0
  for (const [, amount, unit] of text.matchAll(/([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)/g)) {
    total += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0)
  }
  return total
}
