/**
 * Function: code that sleeps until an event wakes it. Schema, defaults and types; the descriptions are the users' reference.
 * Owns what a node of the manifest is (type, bounds, default); what values mean together is in function-rules.ts.
 */
import { z } from 'zod'
import { conditionsSchema } from './condition.ts'
import { DURATION_MAX_LENGTH } from './duration.ts'
import { envSchema, MAX_NAME, resourcesSchema } from './function-pod.ts'
import type { KubeObject, ManifestMeta } from './object.ts'
import { placementFields } from './placement.ts'
import { boundedRecord, integer } from './schema.ts'

const duration = () => z.string().max(DURATION_MAX_LENGTH)

export const MAX_FILES = 64
export const MAX_CODE_BYTES = 256 * 1024

export const signatureSchema = z.enum(['event', 'http', 'cloudevent'])
export type Signature = z.infer<typeof signatureSchema>

const inlineSchema = boundedRecord(z.string().max(MAX_CODE_BYTES), MAX_FILES).describe(
  'Files by relative path, as text: {"index.mjs": "export const handler = …"}. At most 256 KiB in all.',
)

const codeSchema = z
  .strictObject({
    inline: inlineSchema.optional(),
    configMap: z
      .strictObject({ name: z.string().max(MAX_NAME).describe("Name of a ConfigMap in the Function's namespace.") })
      .optional()
      .describe(
        'The files are its data and binaryData, by their keys. A change of it is rolled out like one of the Function.',
      ),
    archive: z
      .strictObject({
        url: z.string().max(2048).describe('An http or https URL of a zip or a gzipped tar, at most 5 MiB.'),
        sha256: z.string().max(64).describe('SHA-256 of the archive, in hexadecimal: nothing else is taken.'),
      })
      .optional()
      .describe('The files are those of an archive, at most 10,000 and 16 MiB, without links.'),
  })
  .describe('Where the code comes from, with runtime: exactly one of inline, configMap, archive.')

const scalingSchema = z
  .strictObject({
    min: integer().default(0).describe('Pods kept running when nobody calls; 0 lets the function sleep.'),
    max: integer().default(20).describe('Pods it may have at most, up to 1000.'),
    target: z
      .number()
      .default(0.7)
      .describe('Share of a pod’s concurrency that should be busy, above 0 and up to 1; lower scales up earlier.'),
    idleAfter: duration().default('5m').describe('How long after the last response it goes to sleep; at least 1s.'),
    maxPodAge: duration().default('4h').describe('Pods older than this are replaced; at least 1m.'),
  })
  .prefault({})
  .describe('How many pods it may have, and when.')

const destinationSchema = z.strictObject({
  function: z.string().max(63).optional().describe('Name of a Function in the same namespace, called asynchronously.'),
  topic: z.string().max(249).optional().describe('A topic that gets the record.'),
  url: z.string().max(2048).optional().describe('An http or https URL that gets it as a POST.'),
})
export type Destination = z.infer<typeof destinationSchema>

const asyncSchema = z
  .strictObject({
    maxAttempts: integer().default(3).describe('Attempts in all, 1 to 10; 1 = no retry.'),
    maxAge: duration().default('6h').describe('No attempt later than this after it was accepted, 1s to 24h.'),
    backoff: z
      .strictObject({
        initial: duration().default('1m').describe('Wait before the second attempt, 10ms to 1h.'),
        factor: z.number().default(2).describe('By what each further wait is longer, 1 to 10.'),
        max: duration().default('5m').describe('Longest wait, 10ms to 24h.'),
      })
      .prefault({})
      .describe('How long to wait between attempts.'),
    onSuccess: destinationSchema
      .optional()
      .describe('Who is told of its success: exactly one of function, topic, url.'),
    onFailure: destinationSchema
      .optional()
      .describe('Who is told when it failed for good: exactly one of function, topic, url.'),
  })
  .prefault({})
  .describe('What becomes of asynchronous invocations.')

export const functionSpecSchema = z
  .strictObject({
    runtime: z
      .string()
      .max(63)
      .optional()
      .describe('Name of the Runtime that runs its code, for example node. Exactly one of runtime, image.'),
    image: z
      .string()
      .max(512)
      .optional()
      .describe('Container image of its own that serves HTTP on $PORT; signature must be http. Not in local mode.'),
    handler: z
      .string()
      .max(128)
      .default('index.handler')
      .describe('What to call: path/file.export, nested exports as file.outer.inner.'),
    signature: signatureSchema
      .default('event')
      .describe('How it is called: event (event, context) as in Lambda, http (req, res), or cloudevent (event).'),
    code: codeSchema.optional(),
    env: envSchema,
    resources: resourcesSchema,
    serviceAccountName: z
      .string()
      .max(253)
      .optional()
      .describe('ServiceAccount of its pods, with its token mounted. Without it: the default one, without a token.'),
    ...placementFields('They come on top of those of its Runtime.'),
    timeout: duration().default('30s').describe('How long one invocation may take, 1s to 15m.'),
    concurrency: integer()
      .optional()
      .describe('Requests one pod runs at the same time, 1 to 1000. Without it: 1, and 80 for signature http.'),
    scaling: scalingSchema,
    async: asyncSchema,
  })
  .describe('What to run and how.')

export type FunctionSpec = z.infer<typeof functionSpecSchema>

export const functionStatusSchema = z
  .strictObject({
    observedGeneration: integer().exactOptional().describe('The generation of the spec that this status tells about.'),
    revision: z.string().exactOptional().describe('Hash of what pods are made from: the revision that takes traffic.'),
    pods: integer().exactOptional().describe('Pods it has, ready or not.'),
    readyPods: integer().exactOptional().describe('Pods that can take requests.'),
    url: z.string().exactOptional().describe('Where it is reachable inside the cluster.'),
    conditions: conditionsSchema.exactOptional(),
  })
  .describe('What the controller last saw.')

export type FunctionStatus = z.infer<typeof functionStatusSchema>

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
