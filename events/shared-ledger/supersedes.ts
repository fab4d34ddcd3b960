/** Which of two states of one invocation counts, when they come from processes that do not know of each other. Pure. */
import type { InvocationState } from '../invocation-ledger.ts'

type Progress = Pick<InvocationState, 'status' | 'attempts'>

/**
 * The log keeps the order in which states were written, which is not the order of what they tell: a gateway may be late to say `queued`, and a
 * dispatcher to say that an attempt failed which another has followed up. No clocks are compared.
 */
export function supersedes(next: Progress, known: Progress | undefined): boolean {
  if (known === undefined) return true
  // Who begins an attempt says so before it says how that ended; after an end it is a replay.
  if (next.status === 'running') return true
  if (next.attempts >= known.attempts) return true
  // The attempt did not come about: it is taken back.
  return known.status === 'running' && next.attempts === known.attempts - 1 && !isEnd(next)
}

const isEnd = ({ status }: Progress): boolean => status === 'succeeded' || status === 'failed'
