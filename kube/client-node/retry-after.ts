/** When an API server that is too busy wants to be asked again. */
interface BusyAnswer {
  statusCode: number
  headers: Record<string, string | string[] | undefined>
}

/** Longer waits are the caller's: it has something else to do meanwhile. */
const LONGEST_WAIT_MS = 5_000

/** Undefined = do not ask again. Only 429 and 503 with Retry-After are known not to have been executed. */
export function retryAfterMs({ statusCode, headers }: BusyAnswer): number | undefined {
  if (statusCode !== 429 && statusCode !== 503) return undefined
  const seconds = Number(headers['retry-after'] ?? NaN)
  if (!(seconds >= 0) || seconds * 1000 > LONGEST_WAIT_MS) return undefined
  // None at all would be a storm.
  return Math.max(100, seconds * 1000)
}
