/**
 * Conditions of a Trigger. Pure. Reasons are part of the API:
 *
 *   condition | status | reason           | means
 *   ----------|--------|------------------|------------------------------------------------------------------
 *   Accepted  | True   | Claimed          | its routes are published
 *   Accepted  | False  | Conflicted       | an older Trigger, named in the message, has one of its routes
 *   Ready     | True   | Routed           | requests reach the Function (which tells about itself)
 *   Ready     | False  | Conflicted       | as above
 *   Ready     | False  | FunctionNotFound | routes are published and answer 404 until the Function exists
 */
import type { TriggerStatus } from '../../api/trigger.ts'
import { setCondition } from '../../kube/conditions.ts'
import type { ConditionInput } from '../../kube/conditions.ts'
import type { TriggerVerdict } from './plan.ts'

type Said = Pick<ConditionInput, 'status' | 'reason' | 'message'>

/** The same object when there is nothing new to say. */
export function statusOf(verdict: TriggerVerdict, current: TriggerStatus | undefined, nowMs: number): TriggerStatus {
  const observedGeneration = verdict.observed.trigger.metadata.generation
  const generation = observedGeneration === undefined ? {} : { observedGeneration }
  const set = (conditions: TriggerStatus['conditions'], type: string, said: Said) =>
    setCondition(conditions, { type, ...said, ...generation }, nowMs)
  const conditions = set(set(current?.conditions, 'Accepted', accepted(verdict)), 'Ready', ready(verdict))
  if (current && conditions === current.conditions && current.observedGeneration === observedGeneration) return current
  return { ...generation, conditions }
}

function accepted({ claim }: TriggerVerdict): Said {
  if (claim.kind === 'accepted') return { status: 'True', reason: 'Claimed', message: 'Its routes are published.' }
  const message = `Trigger ${claim.winner} is older and claims the same route ${claim.route}.`
  return { status: 'False', reason: 'Conflicted', message }
}

function ready(verdict: TriggerVerdict): Said {
  const { claim, observed } = verdict
  if (claim.kind === 'conflicted') return accepted(verdict)
  if (observed.functionExists)
    return { status: 'True', reason: 'Routed', message: `Requests go to Function ${observed.functionKey}.` }
  const message = `Function ${observed.functionKey} does not exist; requests are answered with 404 until it does.`
  return { status: 'False', reason: 'FunctionNotFound', message }
}
