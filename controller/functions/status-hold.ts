/** When to write a status: at once, unless all that is new is that pods wake, or there is about to be more to say. Pure. */
import { isDeepStrictEqual } from 'node:util'
import type { FunctionStatus } from '../../api/function.ts'
import type { Condition } from '../../api/object.ts'
import { AT_ONCE_MS } from '../after-wake.ts'
import type { FunctionObservation } from './observe.ts'

/** A wake-up that takes longer is worth telling of while it lasts. */
const LONGEST_HOLD_MS = 1_000

export interface HoldInput {
  current: FunctionStatus | undefined
  next: FunctionStatus
  seen: Pick<FunctionObservation, 'nowMs' | 'pods' | 'pendingStarts' | 'target'>
  /** Its Service is being made. */
  lacksName: boolean
  /** Since when it has been held. */
  heldSinceMs: number | undefined
  /** See controller/after-wake.ts. */
  afterWakeMs: number
}

/** Epoch ms until which it can wait; undefined: it is to be written now. */
export function holdUntilMs(input: HoldInput): number | undefined {
  const { current, next, seen, lacksName, afterWakeMs, heldSinceMs = seen.nowMs } = input
  const longestMs = heldSinceMs + LONGEST_HOLD_MS
  // The first one of all is written once, not again when the Service is there.
  if (current === undefined) return lacksName && longestMs > seen.nowMs ? longestMs : undefined
  if (afterWakeMs === AT_ONCE_MS || !isDeepStrictEqual(withoutPods(current), withoutPods(next))) return undefined
  return untilAwakeMs(seen, { longestMs, afterWakeMs })
}

function untilAwakeMs(
  { nowMs, pods, pendingStarts, target }: HoldInput['seen'],
  { longestMs, afterWakeMs }: { longestMs: number; afterWakeMs: number },
): number | undefined {
  const isStarting = pendingStarts(target.revision) > 0 || pods.some(({ phase }) => phase === 'starting')
  // Of what another replica woke its labels tell, which have waited already.
  const own = pods.filter(({ isForeign }) => isForeign !== true)
  const lastReadyMs = Math.max(-Infinity, ...own.map(({ readyAtMs = -Infinity }) => readyAtMs))
  const untilMs = isStarting ? longestMs : Math.min(longestMs, lastReadyMs + afterWakeMs)
  return untilMs > nowMs ? untilMs : undefined
}

/** What callers and operators decide by. */
function withoutPods({ pods: _pods, readyPods: _readyPods, conditions = [], ...rest }: FunctionStatus): object {
  return { ...rest, conditions: conditions.map(withoutReason) }
}

/** That it is Ready is the same whether it sleeps, starts or runs. */
function withoutReason(condition: Condition): object {
  const { reason: _reason, message: _message, ...rest } = condition
  return condition.type === 'Ready' && condition.status === 'True' ? rest : condition
}
