/** Trigger: what wakes a Function. This version knows `http`. */
import { z } from 'zod'
import type { Condition, KubeObject, ManifestMeta } from './object.ts'

export const httpTriggerSchema = z.strictObject({
  /** Host names without port, `*.example.com` allowed; empty = every host. */
  hosts: z.array(z.string()).default([]),
  path: z.string().default('/'),
  pathType: z.enum(['Exact', 'Prefix']).default('Prefix'),
  /** Upper-case methods; empty = all. */
  methods: z.array(z.string()).default([]),
  /** Remove `path` from the front of what the function sees. */
  stripPrefix: z.boolean().default(false),
  cors: z
    .strictObject({
      allowOrigins: z.array(z.string()).default(['*']),
      allowMethods: z.array(z.string()).default([]),
      allowHeaders: z.array(z.string()).default([]),
      exposeHeaders: z.array(z.string()).default([]),
      allowCredentials: z.boolean().default(false),
      maxAgeSeconds: z.int().min(0).default(600),
    })
    .optional(),
})
export type HttpTrigger = z.infer<typeof httpTriggerSchema>

export const triggerSpecSchema = z.strictObject({
  /** Name of a Function in the same namespace. */
  function: z.string().min(1),
  http: httpTriggerSchema,
})
export type TriggerSpec = z.infer<typeof triggerSpecSchema>

export interface TriggerStatus {
  observedGeneration?: number
  conditions?: Condition[]
}

export interface Trigger extends KubeObject {
  kind: 'Trigger'
  spec: TriggerSpec
  status?: TriggerStatus
}

export interface TriggerManifest {
  apiVersion: string
  kind: 'Trigger'
  metadata: ManifestMeta
  spec: z.input<typeof triggerSpecSchema>
}
