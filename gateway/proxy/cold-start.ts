/** Counts a wake-up and tells the caller of its phases. */
import { HEADER } from '../../api/names.ts'
import type { Call } from '../../routing/call.ts'
import { coldStartOf, type ColdStart } from '../../routing/cold-start.ts'

/** `pod=0.0,specialize=5.1,init=2.0,wait=8.3,first-byte=1.9,total=10.2` */
function coldStartHeader(phases: ColdStart): string {
  const order = ['pod', 'specialize', 'init', 'wait', 'first-byte', 'total'] as const
  return order
    .filter((name) => phases[name] !== undefined)
    .map((name) => `${name}=${(phases[name] ?? 0).toFixed(1)}`)
    .join(',')
}

/** Counts a wake-up and adds the header that says its phases; nothing for a warm call. */
export function noteColdStart(call: Call, tally: { coldStart(phases: ColdStart): void }, headers: string[]): void {
  const phases = coldStartOf(call, performance.now())
  if (phases === undefined) return
  tally.coldStart(phases)
  headers.push(HEADER.coldStart, coldStartHeader(phases))
}
