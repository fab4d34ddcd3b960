/**
 * Messages between controller, gateway and runtime pods. JSON over HTTP; each schema is used by the side that receives.
 *   runtime → controller  POST /v1/pods            PhoneHome                      (bearer: per-pod token)
 *   gateway → controller  GET  /v1/feed            NDJSON of FeedMessage           (bearer: data-plane token)
 *   gateway → controller  POST /v1/activations     ActivationRequest → ActivationAnswer
 *   gateway → controller  POST /v1/load            LoadReport → 204
 *   controller → runtime  POST /specialize         Specialize (signed)
 */
import { z } from 'zod'
import { signatureSchema } from './function.ts'
import type { ObjectKey } from './names.ts'
import { filterPatternSchema } from './trigger-events.ts'

const key = z.string().regex(/^[^/]+\/[^/]+$/) as unknown as z.ZodType<ObjectKey>

const feedBackoffSchema = z.object({ initialMs: z.number(), factor: z.number(), maxMs: z.number() })

/** Where the record of an asynchronous invocation's end goes. */
const feedDestinationSchema = z.union([
  z.object({ function: key }),
  z.object({ topic: z.string() }),
  z.object({ url: z.string() }),
])
export type FeedDestination = z.infer<typeof feedDestinationSchema>

const feedAsyncSchema = z.object({
  maxAttempts: z.int(),
  /** Since it was accepted. */
  maxAgeMs: z.number(),
  backoff: feedBackoffSchema,
  onSuccess: feedDestinationSchema.optional(),
  onFailure: feedDestinationSchema.optional(),
})
export type FeedAsync = z.infer<typeof feedAsyncSchema>

/** A kafka or cron Trigger as dispatchers see it. */
const feedSubscriptionSchema = z.object({
  trigger: key,
  /** Of the Trigger. */
  uid: z.string(),
  function: key,
  source: z.enum(['kafka', 'cron']),
  topics: z.array(z.string()),
  startFrom: z.union([z.enum(['earliest', 'latest']), z.object({ timestampMs: z.number() })]),
  ordering: z.enum(['unordered', 'key', 'partition']),
  /** What to look at → pattern: all of one filter must hold, one filter is enough. Empty: everything passes. */
  filters: z.array(z.record(z.string(), filterPatternSchema)),
  batch: z.object({ size: z.int(), windowMs: z.number(), bisect: z.boolean() }).optional(),
  retry: z.object({ maxAttempts: z.int(), backoff: feedBackoffSchema, maxAgeMs: z.number() }),
  onExhausted: z.enum(['deadLetter', 'block']),
  /** Whether the dead letters outlive the Trigger. */
  keepDeadLetters: z.boolean(),
})
export type FeedSubscription = z.infer<typeof feedSubscriptionSchema>

/** What a data plane must know of a Function. `revision` is the one that takes traffic. */
const feedFunctionSchema = z.object({
  key,
  /** Changes when a Function is deleted and made anew. */
  uid: z.string(),
  revision: z.string(),
  signature: signatureSchema,
  /** Requests one pod runs at once. */
  concurrency: z.int(),
  timeoutMs: z.number(),
  maxPods: z.int(),
  memoryMb: z.number(),
  /** What becomes of asynchronous invocations of it. */
  async: feedAsyncSchema.optional(),
  /** Set when no revision of it can run: the answer callers get. */
  broken: z.object({ code: z.string(), message: z.string() }).optional(),
})
export type FeedFunction = z.infer<typeof feedFunctionSchema>

const feedRouteSchema = z.object({
  trigger: key,
  function: key,
  hosts: z.array(z.string()),
  path: z.string(),
  pathType: z.enum(['Exact', 'Prefix']),
  methods: z.array(z.string()),
  stripPrefix: z.boolean(),
  payloadFormatVersion: z.enum(['1.0', '2.0']).optional(),
  cors: z
    .object({
      allowOrigins: z.array(z.string()),
      allowMethods: z.array(z.string()),
      allowHeaders: z.array(z.string()),
      exposeHeaders: z.array(z.string()),
      allowCredentials: z.boolean(),
      maxAgeSeconds: z.number(),
    })
    .optional(),
})
export type FeedRoute = z.infer<typeof feedRouteSchema>

const feedEndpointSchema = z.object({
  /** Pod uid. */
  id: z.string(),
  pod: z.string(),
  function: key,
  revision: z.string(),
  /** `host:port` of the data port. */
  address: z.string(),
  dataKey: z.string(),
  /** The runtime writes 102 before it executes: a connection that ends without it proves nothing ran. */
  acknowledges: z.boolean(),
})
export type FeedEndpoint = z.infer<typeof feedEndpointSchema>

/**
 * `snapshot` first, then `change`s, `heartbeat` every 5 s. `epoch` names the controller process, `version` counts its changes:
 * a message is applied whole or not at all.
 */
export const feedMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('snapshot'),
    epoch: z.string(),
    version: z.int(),
    functions: z.array(feedFunctionSchema),
    routes: z.array(feedRouteSchema),
    /** kafka and cron Triggers; gateways ignore them. */
    subscriptions: z.array(feedSubscriptionSchema),
    endpoints: z.array(feedEndpointSchema),
  }),
  z.object({
    type: z.literal('change'),
    version: z.int(),
    functions: z.array(feedFunctionSchema),
    removedFunctions: z.array(key),
    /** Replaces all routes when present. */
    routes: z.array(feedRouteSchema).optional(),
    /** Replaces all subscriptions when present. */
    subscriptions: z.array(feedSubscriptionSchema).optional(),
    endpoints: z.array(feedEndpointSchema),
    removedEndpoints: z.array(z.string()),
  }),
  z.object({ type: z.literal('heartbeat'), version: z.int() }),
])
export type FeedMessage = z.infer<typeof feedMessageSchema>

/** "I have requests and no slot." Sent at most once at a time per function and data plane. */
export const activationRequestSchema = z.object({
  function: key,
  /** Which data-plane process asks. */
  reporter: z.string(),
  /** Requests waiting now. */
  queued: z.int().min(1),
  /** Requests running now, as this data plane sees it. */
  inFlight: z.int().min(0),
  /** Feed position of the asker: pods that became ready after it are not yet known there. */
  epoch: z.string().optional(),
  version: z.int().optional(),
  /** Milliseconds since it heard of anything; absent while it follows a feed. */
  staleMs: z.number().min(0).optional(),
  /** How long the asker waits for an answer. */
  waitMs: z.number(),
})
export type ActivationRequest = z.infer<typeof activationRequestSchema>

/** Milliseconds per phase of a wake-up; keys are the labels of the cold-start histogram. */
const activationPhasesSchema = z.object({
  /** The wait for a pod to exist and call home; 0 from the pool. */
  podMs: z.number(),
  specializeMs: z.number(),
  /** Part of specializeMs in which user code loaded, as the runtime measured it. */
  initMs: z.number(),
})

export const activationAnswerSchema = z.discriminatedUnion('outcome', [
  z.object({
    outcome: z.literal('endpoint'),
    endpoint: feedEndpointSchema,
    /** `pool`: a waiting pod; `new`: a pod was created; `warm`: it was there already. */
    source: z.enum(['pool', 'new', 'warm']),
    phases: activationPhasesSchema,
  }),
  /** Everything it may have is up or starting; wait for a slot or for the feed. */
  z.object({ outcome: z.literal('at-capacity') }),
  /** It cannot run: `code` and `message` go to the callers (see the problem catalogue). */
  z.object({
    outcome: z.literal('failed'),
    code: z.string(),
    message: z.string(),
    retryAfterMs: z.number().optional(),
  }),
])
export type ActivationAnswer = z.infer<typeof activationAnswerSchema>

/** Every second from every data plane to every controller replica, every third while nothing runs and nothing changes. Functions with pods or waiting requests; the rest are at zero. */
export const loadReportSchema = z.object({
  reporter: z.string(),
  epoch: z.string().optional(),
  /** Feed version applied: a pod removed at or before it gets no new request from this data plane. */
  version: z.int().optional(),
  functions: z.array(
    z.object({
      key,
      /** Running now and waiting now. */
      inFlight: z.int(),
      queued: z.int(),
      /** Time-weighted mean of running + waiting since the last report. */
      meanConcurrency: z.number(),
      /** Since the last response ended; 0 while something runs or waits; absent = never called here. */
      idleMs: z.number().optional(),
      /** In flight per pod uid, only non-zero. */
      endpoints: z.record(z.string(), z.int()),
    }),
  ),
})
export type LoadReport = z.infer<typeof loadReportSchema>

export const phoneHomeSchema = z.object({
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  address: z.string(),
  controlPort: z.int(),
  dataPort: z.int(),
})
export type PhoneHome = z.infer<typeof phoneHomeSchema>

/** Body of POST /specialize; see docs/runtime-contract.md. */
export interface Specialize {
  podUid: string
  expiresAt: number
  function: { namespace: string; name: string; uid: string }
  revision: string
  handler: string
  signature: 'event' | 'http' | 'cloudevent'
  /** By relative path, as text; or `packed`: base64 of a gzipped JSON {files, binary}, of which the latter are in base64. */
  files?: Record<string, string>
  packed?: string
  /** Epoch seconds, in fractions: of files whose own time is not known, the same in every pod of the revision. */
  modifiedAt?: number
  env: Record<string, string>
  timeoutMs: number
  concurrency: number
  memoryMb: number
  dataKey: string
  /** What the pod repeats in its health. */
  proof: string
}

/** Lambda's error object. */
export interface ErrorObject {
  errorType: string
  errorMessage: string
  trace: string[]
}
