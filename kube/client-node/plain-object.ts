/** Objects as the rest of us knows them: no managedFields, and in lists too each with its apiVersion and kind. */
import type { KubeObject } from '../../api/object.ts'
import { isRecord } from '../../api/record.ts'
import { ClusterError } from '../errors.ts'
import { apiVersionOf, type AnyKind } from '../kinds.ts'

/** Twice what the object holds, as text: of no use to who only reads, and with inline code the larger half of a cache. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** Takes the value over: it has just been parsed and is nobody else's. */
export function plainObject(kind: AnyKind, value: unknown): KubeObject {
  if (!isRecord(value) || !isRecord(value['metadata'])) {
    throw new ClusterError('Unavailable', `expected a ${kind.kind} from the API server, got ${JSON.stringify(value)}`)
  }
  delete value['metadata']['managedFields']
  // Items of lists come without them.
  return { ...value, apiVersion: apiVersionOf(kind), kind: kind.kind } as unknown as KubeObject
}

/** As plainObject, for what is kept long. */
export function cachedObject(kind: AnyKind, value: unknown): KubeObject {
  const object = plainObject(kind, value)
  const { annotations } = object.metadata
  if (annotations?.[LAST_APPLIED] === undefined) return object
  delete annotations[LAST_APPLIED]
  if (Object.keys(annotations).length === 0) delete object.metadata.annotations
  return object
}
