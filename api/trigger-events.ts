/** The parts of a Trigger that are about events: records of topics, ticks of a clock, and what becomes of those that fail. */
import { z } from 'zod'
import { DURATION_MAX_LENGTH, durationMs } from './duration.ts'
import { boundedRecord, integer, listSet } from './schema.ts'

const duration = () => z.string().max(DURATION_MAX_LENGTH)

export const MAX_TOPICS = 16
const MAX_FILTERS = 5
const MAX_VALUES = 16

const numericSchema = z
  .strictObject({
    gt: z.number().optional().describe('The value is greater.'),
    gte: z.number().optional().describe('The value is greater, or equal.'),
    lt: z.number().optional().describe('The value is less.'),
    lte: z.number().optional().describe('The value is less, or equal.'),
    eq: z.number().optional().describe('The value is equal.'),
  })
  .describe('The value is a number for which all of these hold; at least one.')
export type NumericPattern = z.infer<typeof numericSchema>

/** Of a manifest and of the feed. */
export const filterPatternSchema = z
  .strictObject({
    exact: z.string().max(512).optional().describe('The value, as it is.'),
    prefix: z.string().max(512).optional().describe('How the value begins.'),
    suffix: z.string().max(512).optional().describe('How the value ends.'),
    anythingBut: listSet(z.string().max(512), MAX_VALUES)
      .optional()
      .describe('There is a value, and it is none of these, 1 to 16.'),
    numeric: numericSchema.optional(),
  })
  .describe('Exactly one of exact, prefix, suffix, anythingBut, numeric.')
export type FilterPattern = z.infer<typeof filterPatternSchema>

const batchSchema = z
  .strictObject({
    size: integer().default(100).describe('Records in one call at most, 1 to 10000.'),
    window: duration().default('500ms').describe('How long a batch may wait to be full, up to 5m.'),
    bisect: z
      .boolean()
      .default(false)
      .describe('Halve a batch that failed as a whole, until it is known which records fail.'),
  })
  .describe('Records go to the function in batches; without it, one by one.')

export const kafkaTriggerSchema = z
  .strictObject({
    topics: listSet(z.string().max(249), MAX_TOPICS).describe('Topics to read, 1 to 16.'),
    ordering: z
      .enum(['unordered', 'key', 'partition'])
      .default('unordered')
      .describe(
        'What a failing record holds up: nothing (it is retried from a topic of its own), the records with its key, or its partition.',
      ),
    startFrom: z
      .enum(['earliest', 'latest', 'timestamp'])
      .default('latest')
      .describe(
        'Where to begin in topics that exist when the Trigger is made: at their first record, with the next, or at startTimestamp.',
      ),
    startTimestamp: z
      .string()
      .max(40)
      .optional()
      .describe(
        'With startFrom timestamp: the first record as old as this or younger is the first one; RFC 3339, as 2026-01-31T12:00:00Z.',
      ),
    filters: z
      .array(boundedRecord(filterPatternSchema, 16))
      .max(MAX_FILTERS)
      .default([])
      .describe(
        'Which records it takes: those for which every pattern of at least one filter holds. Names: attributes of the CloudEvent, key, topic, or data.<path> of JSON data.',
      ),
    batch: batchSchema.optional(),
  })
  .describe('Wakes the function with the records of topics.')
export type KafkaTrigger = z.infer<typeof kafkaTriggerSchema>

export const cronTriggerSchema = z
  .strictObject({
    schedule: z
      .string()
      .max(256)
      .describe(
        'Minute, hour, day of month, month, day of week: "0 6 * * 1-5"; or @hourly, @daily, @weekly, @monthly, @yearly.',
      ),
    timezone: z.string().max(64).default('UTC').describe('Time zone of the schedule, such as Europe/Berlin.'),
    payload: z
      .string()
      .max(65_536)
      .optional()
      .describe(
        'What the function gets: JSON, or (not for signature event) other text; without it {"trigger": …, "scheduledAt": …}.',
      ),
    startingDeadline: duration()
      .default('1h')
      .describe(
        'A tick that was missed, for example while nothing ran, is made up for within this time; at least 10s.',
      ),
  })
  .describe('Wakes the function by the clock.')
export type CronTrigger = z.infer<typeof cronTriggerSchema>

const backoffSchema = z
  .strictObject({
    initial: duration().default('1s').describe('Wait before the second attempt, 10ms to 1h.'),
    factor: z.number().default(2).describe('By what each further wait is longer, 1 to 10.'),
    max: duration().default('5m').describe('Longest wait, 10ms to 24h.'),
  })
  .prefault({})
  .describe('How long to wait between attempts.')

export const retrySchema = z
  .strictObject({
    maxAttempts: integer().default(5).describe('Attempts in all, 1 to 100; 1 = no retry.'),
    backoff: backoffSchema,
    maxAge: duration().default('24h').describe('No attempt later than this after the first failure; at least 1s.'),
    onExhausted: z
      .enum(['deadLetter', 'block'])
      .default('deadLetter')
      .describe(
        'What follows the last attempt: the dead letters, or (ordering key or partition) trying on and holding up what follows.',
      ),
  })
  .describe('What becomes of records the function fails on; for kafka and cron.')
export type Retry = z.infer<typeof retrySchema>

export const deadLetterSchema = z
  .strictObject({
    keep: z.boolean().default(true).describe('Whether the dead letters stay when the Trigger is deleted.'),
  })
  .describe('Where records end that could not be handled; for kafka and cron.')

export const DEFAULT_RETRY: Retry = retrySchema.parse({})

/** In milliseconds, as data planes take it. */
export function backoffMsOf(backoff: Retry['backoff']): { initialMs: number; factor: number; maxMs: number } {
  return { initialMs: durationMs(backoff.initial), factor: backoff.factor, maxMs: durationMs(backoff.max) }
}
