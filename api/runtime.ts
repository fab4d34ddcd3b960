/** Runtime (cluster-scoped): an image that speaks the runtime contract, and how many of its pods wait warm. */
import { z } from 'zod'
import type { KubeObject, ManifestMeta } from './object.ts'

export const runtimeSpecSchema = z.strictObject({
  /** Container image; in local mode `local/<folder>` names a runtime that ships with Dormouse. */
  image: z.string().min(1),
  /** Overrides the image's entrypoint. */
  command: z.array(z.string()).optional(),
  pool: z.strictObject({ size: z.int().min(0).max(100).default(3) }).prefault({}),
})
export type RuntimeSpec = z.infer<typeof runtimeSpecSchema>

export interface Runtime extends KubeObject {
  kind: 'Runtime'
  spec: RuntimeSpec
}

export interface RuntimeManifest {
  apiVersion: string
  kind: 'Runtime'
  metadata: ManifestMeta
  spec: z.input<typeof runtimeSpecSchema>
}
