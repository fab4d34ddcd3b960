/** Revisions as they are stored: one ControllerRevision each, owned by the Function, so that they outlive changes of its spec. */
import { hash } from 'node:crypto'
import { z } from 'zod'
import { signatureSchema } from '../../api/function.ts'
import { GROUP, LABEL } from '../../api/names.ts'
import { tolerationSchema } from '../../api/placement.ts'
import type { NewObject } from '../../kube/cluster.ts'
import type { ControllerRevision } from '../../kube/objects.ts'
import type { RevisionTemplate } from '../fleet/fleet.ts'
import { MANAGED_BY } from '../fleet/resources.ts'
import { ownerReference } from '../ownership.ts'
import type { Fate } from './fate.ts'

/** On ControllerRevisions whose code does not load: the Fate, so that a restarted controller does not try it again. */
const LOAD_ERROR_ANNOTATION = `${GROUP}/load-error`

export interface StoredRevision {
  /** Of the ControllerRevision. */
  name: string
  /** Counts up with every revision a Function gets. */
  number: number
  template: RevisionTemplate
  broken?: Extract<Fate, { kind: 'broken' }>
}

const amountsSchema = z.object({ cpu: z.string(), memory: z.string() })

const variable = { name: z.string(), key: z.string(), optional: z.boolean().exactOptional() }

const templateSchema: z.ZodType<RevisionTemplate> = z.object({
  function: z.object({ namespace: z.string(), name: z.string(), uid: z.string() }),
  revision: z.string(),
  storedAt: z.number().exactOptional(),
  runtime: z.string().exactOptional(),
  image: z.string().exactOptional(),
  handler: z.string(),
  signature: signatureSchema,
  files: z.record(z.string(), z.string()),
  code: z.object({ digest: z.string() }).exactOptional(),
  env: z.record(z.string(), z.string()),
  timeoutMs: z.number(),
  concurrency: z.int(),
  memoryMb: z.number(),
  secretEnv: z.array(z.object({ ...variable, secret: z.string() })).exactOptional(),
  configMapEnv: z.array(z.object({ ...variable, configMap: z.string() })).exactOptional(),
  restart: z.string().exactOptional(),
  serviceAccountName: z.string().exactOptional(),
  resources: z.object({ requests: amountsSchema, limits: amountsSchema }).exactOptional(),
  nodeSelector: z.record(z.string(), z.string()).exactOptional(),
  tolerations: z.array(tolerationSchema).exactOptional(),
})
const brokenSchema = z.object({ kind: z.literal('broken'), message: z.string(), runtime: z.string() })

export function revisionName({ function: { name }, revision }: RevisionTemplate): string {
  return `${name}-${revision}`
}

/** Labels by which a Function's revisions are listed. */
export function revisionLabels(functionName: string): Record<string, string> {
  return { [LABEL.managedBy]: MANAGED_BY, [LABEL.function]: functionName }
}

export function newRevision(template: RevisionTemplate, number: number): NewObject<ControllerRevision> {
  const { namespace, name } = template.function
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      namespace,
      name: revisionName(template),
      labels: { ...revisionLabels(name), [LABEL.revision]: template.revision },
      ownerReferences: [ownerReference('Function', template.function)],
    },
    data: { ...template },
    revision: number,
  }
}

/** Undefined for what this version cannot read: it is as if it were not stored. */
export function parseRevision({ metadata, data, revision }: ControllerRevision): StoredRevision | undefined {
  const template = templateSchema.safeParse(data)
  if (!template.success) return undefined
  const broken = parseBroken(metadata.annotations?.[LOAD_ERROR_ANNOTATION])
  const dated = datedTemplate(template.data, Date.parse(metadata.creationTimestamp))
  return { name: metadata.name, number: revision, template: dated, ...(broken && { broken }) }
}

/** As it is, if it has its time. Seconds are told apart by the revision: many servers make the ETag of a file of its size and time alone. */
export function datedTemplate(template: RevisionTemplate, epochMs: number): RevisionTemplate {
  if (template.storedAt !== undefined || Number.isNaN(epochMs)) return template
  const fraction = hash('sha256', template.revision, 'buffer').readUInt16BE() % 1000
  return { ...template, storedAt: Math.floor(epochMs / 1000) + fraction / 1000 }
}

export function brokenPatch(broken: Extract<Fate, { kind: 'broken' }>): object {
  return { metadata: { annotations: { [LOAD_ERROR_ANNOTATION]: JSON.stringify(broken) } } }
}

function parseBroken(annotation: string | undefined): StoredRevision['broken'] {
  if (annotation === undefined) return undefined
  try {
    return brokenSchema.safeParse(JSON.parse(annotation)).data
  } catch {
    return undefined
  }
}
