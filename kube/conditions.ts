import type { Condition } from '../api/object.ts'
import { rfc3339 } from './rfc3339.ts'

export type ConditionInput = Omit<Condition, 'lastTransitionTime'>

export function getCondition(conditions: Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type)
}

/**
 * The list with this condition in it. `lastTransitionTime` moves only when `status` flips, and a condition that says nothing new
 * gives back the same array: who writes a status compares by identity.
 */
export function setCondition(conditions: Condition[] | undefined, input: ConditionInput, nowMs: number): Condition[] {
  const old = getCondition(conditions, input.type)
  const lastTransitionTime = old?.status === input.status ? old.lastTransitionTime : rfc3339(nowMs)
  const next: Condition = { ...input, lastTransitionTime }
  if (!conditions) return [next]
  if (!old) return [...conditions, next]
  if (saysTheSame(old, next)) return conditions
  return conditions.map((condition) => (condition.type === input.type ? next : condition))
}

function saysTheSame(old: Condition, next: Condition): boolean {
  const fields = ['status', 'reason', 'message', 'observedGeneration'] as const
  return fields.every((field) => old[field] === next[field])
}
