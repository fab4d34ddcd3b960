/** What the route table is made from: every Trigger that is not being deleted, and whether its Function exists. */
import type { DormouseFunction } from '../../api/function.ts'
import { keyOf, objectKey, type ObjectKey } from '../../api/names.ts'
import type { Trigger } from '../../api/trigger.ts'
import type { Cache } from '../../kube/cluster.ts'

export interface ObservedTrigger {
  key: ObjectKey
  functionKey: ObjectKey
  functionExists: boolean
  trigger: Trigger
}

export interface TriggerCaches {
  triggers: Cache<Trigger>
  functions: Cache<DormouseFunction>
}

export function observe({ triggers, functions }: TriggerCaches): ObservedTrigger[] {
  return triggers
    .list()
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map((trigger) => observeOne(trigger, functions))
}

function observeOne(trigger: Trigger, functions: Cache<DormouseFunction>): ObservedTrigger {
  const { namespace = '' } = trigger.metadata
  const target = functions.get({ namespace, name: trigger.spec.function })
  return {
    key: keyOf(trigger.metadata),
    functionKey: objectKey(namespace, trigger.spec.function),
    functionExists: target !== undefined && target.metadata.deletionTimestamp === undefined,
    trigger,
  }
}
