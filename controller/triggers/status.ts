/**
 * Conditions of a Trigger. Pure. Reasons are part of the API:
 *
 *   condition | status | reason           | means
 *   ----------|--------|------------------|------------------------------------------------------------------
 *   Accepted  | True   | Claimed          | its routes are published
 *   Accepted  | False  | Conflicted       | an older Trigger, named in the message, has one of its routes
 *   Accepted  | True   | Subscribed       | its topics or its schedule are followed
 *   Accepted  | False  | InvalidSchedule  | its schedule or time zone cannot be followed, as the message says: no more ticks
 *   Accepted  | False  | NoKafka          | this installation has none to read its topics from
 *   Ready     | True   | Routed           | requests reach the Function (which tells about itself)
 *   Ready     | True   | Subscribed       | records or ticks reach the Function
 *   Ready     | False  | FunctionNotFound | until the Function exists, requests are answered with 404, records and ticks wait
 *   Ready     | False  | Conflicted, InvalidSchedule, NoKafka: as above
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

function accepted({ claim, observed, mistake, noTopics }: TriggerVerdict): Said {
  if (noTopics !== undefined)
    return { status: 'False', reason: 'NoKafka', message: `Its topics cannot be read: ${noTopics}.` }
  if (mistake !== undefined)
    return { status: 'False', reason: 'InvalidSchedule', message: `Its schedule cannot be followed: ${mistake}.` }
  if (claim.kind === 'conflicted') {
    const message = `Trigger ${claim.winner} is older and claims the same route ${claim.route}.`
    return { status: 'False', reason: 'Conflicted', message }
  }
  const { http, kafka } = observed.trigger.spec
  if (http !== undefined) return { status: 'True', reason: 'Claimed', message: 'Its routes are published.' }
  const message = kafka === undefined ? 'Its schedule is followed.' : `It reads ${kafka.topics.join(', ')}.`
  return { status: 'True', reason: 'Subscribed', message }
}

function ready(verdict: TriggerVerdict): Said {
  const { claim, observed, mistake, noTopics } = verdict
  if (claim.kind === 'conflicted' || mistake !== undefined || noTopics !== undefined) return accepted(verdict)
  const { functionKey, functionExists, trigger } = observed
  const { http, kafka } = trigger.spec
  const what = kafka === undefined ? 'ticks' : 'records'
  if (!functionExists) {
    const until = http === undefined ? `its ${what} wait` : 'requests are answered with 404'
    const message = `Function ${functionKey} does not exist; ${until} until it does.`
    return { status: 'False', reason: 'FunctionNotFound', message }
  }
  if (http !== undefined)
    return { status: 'True', reason: 'Routed', message: `Requests go to Function ${functionKey}.` }
  return { status: 'True', reason: 'Subscribed', message: `Its ${what} go to Function ${functionKey}.` }
}
