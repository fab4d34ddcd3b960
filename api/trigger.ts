/**
 * Trigger: what wakes a Function: requests, records or the clock. Schema, defaults and types; the descriptions are the users' reference.
 * What values mean together is in trigger-rules.ts.
 */
import { z } from 'zod'
import { conditionsSchema } from './condition.ts'
import type { KubeObject } from './object.ts'
import { kafkaTriggerSchema, cronTriggerSchema, retrySchema, deadLetterSchema } from './trigger-events.ts'
import { integer, listSet } from './schema.ts'

const HTTP_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

const headerNames = () => z.array(z.string().max(128)).max(64).default([])

const corsSchema = z
  .strictObject({
    allowOrigins: z
      .array(z.string().max(253))
      .max(64)
      .default(['*'])
      .describe('Origins that browsers may call from: scheme://host[:port], or * for every origin.'),
    allowMethods: z
      .array(z.enum([...HTTP_METHODS, '*']))
      .max(HTTP_METHODS.length + 1)
      .default([])
      .describe('Methods that browsers may use; empty = those of the route.'),
    allowHeaders: headerNames().describe('Request headers that browsers may send; empty or * = what they ask for.'),
    exposeHeaders: headerNames().describe('Response headers that scripts may read.'),
    allowCredentials: z
      .boolean()
      .default(false)
      .describe('Whether browsers send cookies; then allowOrigins must name the origins.'),
    maxAgeSeconds: integer()
      .default(600)
      .describe('How long browsers may remember the answer to a preflight, 0 to 86400.'),
  })
  .describe('Cross-origin resource sharing, answered by the gateway; what the function says about it is replaced.')

const httpTriggerSchema = z
  .strictObject({
    hosts: listSet(z.string().max(253), 64)
      .default([])
      .describe('Host names without port; *.example.com stands for every name below example.com. Empty = every host.'),
    path: z
      .string()
      .max(512)
      .default('/')
      .describe('Path it answers, in plain characters (not percent-encoded), starting with /.'),
    pathType: z
      .enum(['Exact', 'Prefix'])
      .default('Prefix')
      .describe('Exact: this path only. Prefix: it and everything below, by whole segments: /a has /a/b but not /ab.'),
    methods: listSet(z.enum(HTTP_METHODS), HTTP_METHODS.length)
      .default([])
      .describe('Methods it answers; empty = all.'),
    stripPrefix: z.boolean().default(false).describe('Remove path from the front of what the function sees.'),
    payloadFormatVersion: z
      .enum(['1.0', '2.0'])
      .default('2.0')
      .describe(
        'Of the API Gateway event that a function with signature event gets: 1.0 as REST APIs have it (httpMethod, path), 2.0 as HTTP APIs. No effect on others.',
      ),
    cors: corsSchema.optional(),
  })
  .describe('Wakes the function with an HTTP request on the public listener.')
export type HttpTrigger = z.infer<typeof httpTriggerSchema>

export const triggerSpecSchema = z
  .strictObject({
    function: z.string().max(63).describe('Name of a Function in the same namespace.'),
    http: httpTriggerSchema.optional(),
    kafka: kafkaTriggerSchema.optional(),
    cron: cronTriggerSchema.optional(),
    retry: retrySchema.optional(),
    deadLetter: deadLetterSchema.optional(),
  })
  .describe('Which Function to wake, and by what: exactly one of http, kafka, cron.')
export type TriggerSpec = z.infer<typeof triggerSpecSchema>

const followedScheduleSchema = z
  .strictObject({
    schedule: z.string().max(256).describe('As it is in the spec.'),
    timezone: z.string().max(64).describe('As it is in the spec.'),
    since: z
      .string()
      .max(64)
      .describe('Due times up to here do not count: creation, or when the schedule was changed; RFC 3339.')
      .meta({ format: 'date-time' }),
  })
  .describe('Of a cron Trigger: the schedule that ticks.')

export const triggerStatusSchema = z
  .strictObject({
    observedGeneration: integer().exactOptional().describe('The generation of the spec that this status tells about.'),
    lastScheduleTime: z
      .string()
      .max(64)
      .exactOptional()
      .describe('Of a cron Trigger: the due time of its last tick, RFC 3339.')
      .meta({ format: 'date-time' }),
    followedSchedule: followedScheduleSchema.exactOptional(),
    conditions: conditionsSchema.exactOptional(),
  })
  .describe('What the controller last saw.')
export type FollowedSchedule = z.infer<typeof followedScheduleSchema>
export type TriggerStatus = z.infer<typeof triggerStatusSchema>

export interface Trigger extends KubeObject {
  kind: 'Trigger'
  spec: TriggerSpec
  status?: TriggerStatus
}
