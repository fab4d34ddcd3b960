import { z } from 'zod'
import type { KubeObject } from '../../api/object.ts'
import { damaged } from '../../lib/sqlite/store-error.ts'
import { errorText } from '../../lib/error-text.ts'

const rowSchema = z.object({
  api_version: z.string(),
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
  json: z.string(),
})

const objectSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    uid: z.string().min(1),
    resourceVersion: z.string().regex(/^[0-9]+$/),
    creationTimestamp: z.string(),
  }),
})

/** The row an object is stored under. */
export function keyOf({ apiVersion, kind, metadata }: KubeObject): [string, string, string, string] {
  return [apiVersion, kind, metadata.namespace ?? '', metadata.name]
}

/** The object of a row; throws StoreError that names it. */
export function parseRow(row: unknown, path: string, parse: (object: KubeObject) => KubeObject): KubeObject {
  const { json, kind, namespace, name } = rowSchema.parse(row)
  try {
    const object = objectSchema.parse(JSON.parse(json)) as KubeObject
    if (keyOf(object).join('/') !== keyOfRow(row)) throw new Error('it is stored under a name that is not its own')
    return parse(object)
  } catch (error) {
    const label = namespace === '' ? `${kind} ${name}` : `${kind} ${namespace}/${name}`
    throw damaged(path, `the stored ${label} cannot be read: ${reasonOf(error)}`, error)
  }
}

function keyOfRow(row: unknown): string {
  const { api_version, kind, namespace, name } = rowSchema.parse(row)
  return [api_version, kind, namespace, name].join('/')
}

/** One line. */
function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError) return `${error.issues[0]?.path.join('.')}: ${error.issues[0]?.message}`
  return errorText(error)
}
