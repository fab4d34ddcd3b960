/**
 * Conditions of a Trigger. Pure. Reasons are part of the API:
 *
 *   condition | status | reason           | means
 *   ----------|--------|------------------|------------------------------------------------------------------
 *   Accepted  | True   | Claimed          | its routes are published
 *   Accepted  | False  | Conflicted       | an older Trigger, named in the message, has one of its routes
 *   Ready     | True   | Routed           | requests reach the Function (which tells about itself)
 *   Ready     | False  | Conflicted       | as above
 *   Accepted  | True   | Subscribed       | its topics or its schedule are followed
 *   Accepted  | False  | InvalidSchedule  | its schedule or time zone cannot be followed, as the message says
 *   Ready     | True   | Subscribed       | records or ticks reach the Function
 *   Ready     | False  | InvalidSchedule  | as above
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
  return { ...current, ...generation, conditions }
}

function accepted({ claim, observed, mistake }: TriggerVerdict): Said {
  if (mistake !== undefined) return { status: 'False', reason: 'InvalidSchedule', message: mistake }
  if (claim.kind === 'accepted') {
    const { kafka } = observed.trigger.spec
    if (isHttp(observed)) return { status: 'True', reason: 'Claimed', message: 'Its routes are published.' }
    const what = kafka === undefined ? 'Its schedule is followed.' : `It reads ${kafka.topics.join(', ')}.`
    return { status: 'True', reason: 'Subscribed', message: what }
  }
  const message = `Trigger ${claim.winner} is older and claims the same route ${claim.route}.`
  return { status: 'False', reason: 'Conflicted', message }
}

function ready(verdict: TriggerVerdict): Said {
  const { claim, observed } = verdict
  if (claim.kind === 'conflicted' || verdict.mistake !== undefined) return accepted(verdict)
  const { functionKey, functionExists, trigger } = observed
  const what = trigger.spec.cron === undefined ? 'records' : 'ticks'
  if (functionExists) {
    if (isHttp(observed))
      return { status: 'True', reason: 'Routed', message: `Requests go to Function ${functionKey}.` }
    return { status: 'True', reason: 'Subscribed', message: `Its ${what} go to Function ${functionKey}.` }
  }
  const until = isHttp(observed) ? 'requests are answered with 404 until it does' : `its ${what} wait until it does`
  const message = `Function ${functionKey} does not exist; ${until}.`
  return { status: 'False', reason: 'FunctionNotFound', message }
}

const isHttp = ({ trigger }: TriggerVerdict['observed']) => trigger.spec.http !== undefined
