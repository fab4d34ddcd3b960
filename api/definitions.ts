/** All there is to know of each kind in one place: descriptor, schemas, rules. The validator and the CRD generator read from here. */
import type { z } from 'zod'
import { FUNCTION_RULES } from './function-rules.ts'
import { functionSpecSchema, functionStatusSchema } from './function.ts'
import { FUNCTIONS, RUNTIMES, TRIGGERS, type KindDescriptor, type KindName } from './kinds.ts'
import type { KubeObject } from './object.ts'
import type { Rule } from './rule.ts'
import { RUNTIME_RULES } from './runtime-rules.ts'
import { runtimeSpecSchema } from './runtime.ts'
import { TRIGGER_RULES } from './trigger-rules.ts'
import { triggerSpecSchema, triggerStatusSchema } from './trigger.ts'

export interface Definition {
  kind: KindDescriptor<KubeObject>
  spec: z.ZodType
  /** Absent on kinds without a status. */
  status?: z.ZodType
  /** What `kubectl scale` sets and shows, as paths in the object; absent on kinds that do not scale. */
  scale?: { specReplicasPath: string; statusReplicasPath: string }
  rules: readonly Rule[]
}

/** A Function told to have so many replicas keeps as many pods when nobody calls. */
const FUNCTION_SCALE = { specReplicasPath: '.spec.scaling.min', statusReplicasPath: '.status.pods' }

export const DEFINITIONS: Readonly<Record<KindName, Definition>> = {
  Function: {
    kind: FUNCTIONS,
    spec: functionSpecSchema,
    status: functionStatusSchema,
    scale: FUNCTION_SCALE,
    rules: FUNCTION_RULES,
  },
  Trigger: { kind: TRIGGERS, spec: triggerSpecSchema, status: triggerStatusSchema, rules: TRIGGER_RULES },
  Runtime: { kind: RUNTIMES, spec: runtimeSpecSchema, rules: RUNTIME_RULES },
}
