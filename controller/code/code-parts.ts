/**
 * Packed code as objects of the API: ControllerRevisions, because the controller may write those anyway, owned by the Function, each far below
 * what the API takes. They carry another manager than revisions do, so that no cache holds them. Pure.
 */
import { z } from 'zod'
import { LABEL } from '../../api/names.ts'
import type { NewObject } from '../../kube/cluster.ts'
import type { ControllerRevision } from '../../kube/objects.ts'
import { ownerReference } from '../ownership.ts'

export interface CodeOwner {
  namespace: string
  name: string
  uid: string
}

export const CODE_MANAGER = 'dormouse-code'
/** In base64 two thirds of a MiB: the API takes 1.5 MiB per object. */
const PART_BYTES = 512 * 1024

const partSchema = z.object({ digest: z.string(), parts: z.int().min(1).max(100), bytes: z.base64() })
export type CodePart = z.infer<typeof partSchema>

export function partName({ name }: Pick<CodeOwner, 'name'>, digest: string, index: number): string {
  return `${name}-code-${digest.slice(0, 16)}-${index}`
}

/** The first one last: where it is, all are. */
export function codeParts(owner: CodeOwner, digest: string, packed: Buffer): NewObject<ControllerRevision>[] {
  const parts = Math.max(1, Math.ceil(packed.length / PART_BYTES))
  return Array.from({ length: parts }, (_, index): NewObject<ControllerRevision> => {
    const { namespace, name } = owner
    const bytes = packed.subarray(index * PART_BYTES, (index + 1) * PART_BYTES).toString('base64')
    return {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        namespace,
        name: partName(owner, digest, index),
        labels: { [LABEL.managedBy]: CODE_MANAGER, [LABEL.function]: name },
        ownerReferences: [ownerReference('Function', owner)],
      },
      data: { digest, parts, bytes } satisfies CodePart,
      revision: index,
    }
  }).reverse()
}

/** Undefined when it is not what it should be: another digest, or nothing we can read. */
export function parsePart({ data }: Pick<ControllerRevision, 'data'>, digest: string): CodePart | undefined {
  const part = partSchema.safeParse(data)
  return part.success && part.data.digest === digest ? part.data : undefined
}
