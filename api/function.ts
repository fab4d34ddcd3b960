/** Function: code that sleeps until an event wakes it. Schema, defaults and types; rules between fields live in rules.ts. */
import { z } from 'zod'
import { DURATION_PATTERN } from './duration.ts'
import type { Condition, KubeObject, ManifestMeta } from './object.ts'

const duration = () => z.string().regex(new RegExp(DURATION_PATTERN))

export const signatureSchema = z.enum(['event', 'http', 'cloudevent'])
export type Signature = z.infer<typeof signatureSchema>

export const functionSpecSchema = z.strictObject({
  runtime: z.string().min(1),
  handler: z.string().default('index.handler'),
  signature: signatureSchema.default('event'),
  code: z.strictObject({ inline: z.record(z.string(), z.string()) }),
  env: z.array(z.strictObject({ name: z.string(), value: z.string() })).default([]),
  resources: z
    .strictObject({ limits: z.strictObject({ memory: z.string().default('128Mi') }).prefault({}) })
    .prefault({}),
  timeout: duration().default('30s'),
  /** Requests one pod runs at the same time; absent = 1, 80 for `http`. */
  concurrency: z.int().min(1).max(1000).optional(),
  scaling: z
    .strictObject({
      min: z.int().min(0).default(0),
      max: z.int().min(1).default(20),
      target: z.number().default(0.7),
      idleAfter: duration().default('5m'),
      maxPodAge: duration().default('4h'),
    })
    .prefault({}),
})

export type FunctionSpec = z.infer<typeof functionSpecSchema>

export interface FunctionStatus {
  observedGeneration?: number
  /** Hash of what pods are made from: the revision that takes traffic. */
  revision?: string
  pods?: number
  readyPods?: number
  /** Where it is reachable inside the cluster. */
  url?: string
  conditions?: Condition[]
}

export interface DormouseFunction extends KubeObject {
  kind: 'Function'
  spec: FunctionSpec
  status?: FunctionStatus
}

export interface FunctionManifest {
  apiVersion: string
  kind: 'Function'
  metadata: ManifestMeta
  spec: z.input<typeof functionSpecSchema>
}

/** Effective concurrency of one pod. */
export function podConcurrency(spec: Pick<FunctionSpec, 'concurrency' | 'signature'>): number {
  return spec.concurrency ?? (spec.signature === 'http' ? 80 : 1)
}
