/** Schema of status conditions; the type they are written with is Condition in object.ts. */
import { z } from 'zod'
import type { Condition } from './object.ts'
import { integer, listMap } from './schema.ts'

const conditionSchema: z.ZodType<Condition> = z.strictObject({
  type: z.string().max(63).describe('What it tells about, CamelCase; Ready is on every object.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds.'),
  reason: z.string().max(63).describe('Why, as one CamelCase word that does not change between versions.'),
  message: z.string().max(32_768).describe('Why, as one sentence.'),
  lastTransitionTime: z.string().max(64).describe('When status last changed, RFC 3339.').meta({ format: 'date-time' }),
  observedGeneration: integer().exactOptional().describe('The generation of the spec it was derived from.'),
})

export const conditionsSchema = listMap(conditionSchema, 'type', 32).describe(
  'State of the object, one entry per type.',
)
