/**
 * On which nodes pods of functions run: fields of Runtime and Function alike, with the names and shapes that they have in pods. Schema, rules,
 * and what the two make together. A Function adds to what its Runtime says and never takes away from it (docs/adr/0050).
 */
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { doesNotMatch, matches, rule, type Expectation, type Rule } from './rule.ts'
import { boundedRecord, integer } from './schema.ts'

const MAX_ENTRIES = 32
/** Kubernetes' bounds on keys and values of labels. */
const MAX_KEY = 317
const MAX_VALUE = 63

export const tolerationSchema = z.strictObject({
  key: z.string().max(MAX_KEY).optional().describe('Key of the taint; without it, with operator Exists: every taint.'),
  operator: z
    .enum(['Exists', 'Equal'])
    .default('Equal')
    .describe('Equal: the taint has this value; Exists: it may have any.'),
  value: z.string().max(MAX_VALUE).optional().describe('Value of the taint, with operator Equal.'),
  effect: z
    .enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
    .optional()
    .describe('Effect of the taint; without it every effect.'),
  tolerationSeconds: integer()
    .optional()
    .describe('With effect NoExecute: how long a pod stays once its node has the taint; without it for ever.'),
})
export type Toleration = z.infer<typeof tolerationSchema>

export interface Placement {
  nodeSelector?: Record<string, string> | undefined
  tolerations?: Toleration[] | undefined
}

/** `which`: a sentence for the descriptions. */
export const placementFields = (which: string) => ({
  nodeSelector: boundedRecord(z.string().max(MAX_VALUE), MAX_ENTRIES)
    .optional()
    .describe(`Labels that a node must have to run its pods, as in a pod. ${which} No effect in local mode.`),
  tolerations: z
    .array(tolerationSchema)
    .max(MAX_ENTRIES)
    .optional()
    .describe(`Taints of nodes that its pods put up with, as in a pod. ${which} No effect in local mode.`),
})

const KEY =
  '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'
const LONG_PREFIX = '^[^/]{254,}/'
const VALUE = '^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$'

const LETTERS = "letters, digits, '-', '_' or '.', and start and end with a letter or digit"
const keyMessage = (subject: string) =>
  `${subject} must be a label's key: at most 63 ${LETTERS}, after an optional DNS name and '/'`
const valueMessage = (subject: string) => `${subject} must be at most 63 ${LETTERS}`

function everyKey(at: Expectation): Rule {
  const [key, longPrefix] = [new RegExp(KEY), new RegExp(LONG_PREFIX)]
  return rule<Record<string, string>>(
    at,
    `self.all(key, key.matches(r"${KEY}") && !key.matches(r"${LONG_PREFIX}"))`,
    (selector) => Object.keys(selector).every((text) => key.test(text) && !longPrefix.test(text)),
  )
}

function everyValue(at: Expectation): Rule {
  const value = new RegExp(VALUE)
  return rule<Record<string, string>>(at, `self.all(key, self[key].matches(r"${VALUE}"))`, (selector) =>
    Object.values(selector).every((text) => value.test(text)),
  )
}

const TOLERATION = 'spec.tolerations[]'

export const PLACEMENT_RULES: readonly Rule[] = [
  everyKey({ path: 'spec.nodeSelector', message: keyMessage('every key') }),
  everyValue({ path: 'spec.nodeSelector', message: valueMessage('every value') }),
  // Empty is the same as left out, as in a pod.
  matches({ path: `${TOLERATION}.key`, message: keyMessage('key') }, `^$|${KEY}`),
  doesNotMatch(
    { path: `${TOLERATION}.key`, message: 'key must have at most 253 characters before its slash' },
    LONG_PREFIX,
  ),
  matches({ path: `${TOLERATION}.value`, message: valueMessage('value') }, VALUE),
  rule<Toleration>(
    { path: TOLERATION, message: 'key must be set, or operator be Exists, which then tolerates every taint' },
    "self.operator == 'Exists' || (has(self.key) && self.key != '')",
    ({ key = '', operator }) => operator === 'Exists' || key !== '',
  ),
  rule<Toleration>(
    { path: TOLERATION, message: 'value must be left out when operator is Exists' },
    "self.operator != 'Exists' || !has(self.value) || self.value == ''",
    ({ operator, value = '' }) => operator !== 'Exists' || value === '',
  ),
  rule<Toleration>(
    { path: TOLERATION, message: 'effect must be NoExecute when tolerationSeconds is set' },
    "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
    ({ tolerationSeconds, effect }) => tolerationSeconds === undefined || effect === 'NoExecute',
  ),
]

/** Whether a Function asks for something that pods of its Runtime do not have anyway: then none of the pool will do. */
export function addsPlacement({ nodeSelector = {}, tolerations = [] }: Placement, runtime: Placement = {}): boolean {
  const { nodeSelector: labels = {}, tolerations: tolerated = [] } = runtime
  const isNew = (toleration: Toleration) => !tolerated.some((each) => isDeepStrictEqual(each, toleration))
  return Object.entries(nodeSelector).some(([key, value]) => labels[key] !== value) || tolerations.some(isNew)
}

/** Of a pod: every label that either asks for, and every taint that either tolerates. Absent where neither says anything. */
export function jointPlacement(own: Placement, runtime: Placement = {}): Placement {
  const nodeSelector = { ...own.nodeSelector, ...runtime.nodeSelector }
  const known = runtime.tolerations ?? []
  const tolerations = [
    ...known,
    ...(own.tolerations ?? []).filter((each) => addsPlacement({ tolerations: [each] }, runtime)),
  ]
  return {
    ...(Object.keys(nodeSelector).length > 0 && { nodeSelector }),
    ...(tolerations.length > 0 && { tolerations }),
  }
}

/** A label of which both ask for another value: no node has both. As a clause of the Function. */
export function placementConflict(own: Placement, runtime: Placement, name: string): string | undefined {
  const labels = runtime.nodeSelector ?? {}
  const found = Object.entries(own.nodeSelector ?? {}).find(([key, value]) => (labels[key] ?? value) !== value)
  if (found === undefined) return undefined
  const [key, value] = found
  return `its nodeSelector asks for ${key}=${value}, and that of Runtime ${name} for ${key}=${labels[key] ?? ''}: no node has both`
}
