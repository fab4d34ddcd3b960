/**
 * Runtime (cluster-scoped): an image that speaks the runtime contract, and how many of its pods wait warm.
 * Schema, defaults and types; the descriptions are the users' reference. Rules: runtime-rules.ts.
 */
import { z } from 'zod'
import type { KubeObject } from './object.ts'
import { placementFields } from './placement.ts'
import { integer } from './schema.ts'

export const runtimeSpecSchema = z
  .strictObject({
    image: z
      .string()
      .max(512)
      .describe('Container image; in local mode local/<folder> names a runtime that ships with Dormouse.'),
    command: z.array(z.string().max(4096)).max(64).optional().describe('Overrides the entrypoint of the image.'),
    pool: z
      .strictObject({
        size: integer()
          .default(3)
          .describe('Pods kept waiting in every namespace that has a Function of this Runtime, 0 to 100.'),
      })
      .prefault({})
      .describe('Pods that wait warm until a Function needs one.'),
    ...placementFields('They hold for pods that wait and for those of its Functions.'),
  })
  .describe('What runs the code, and how many of its pods wait warm.')
export type RuntimeSpec = z.infer<typeof runtimeSpecSchema>

export interface Runtime extends KubeObject {
  kind: 'Runtime'
  spec: RuntimeSpec
}
