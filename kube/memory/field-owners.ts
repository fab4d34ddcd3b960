/**
 * Who owns which fields by apply, so that what is no longer applied goes. Known for the life of the process only, and of appliers only: fields that
 * create and patch have set belong to nobody. Lists are owned whole, but owner references (by uid) and finalizers, as in Kubernetes.
 */
import { isDeepStrictEqual } from 'node:util'
import type { KubeObject } from '../../api/object.ts'
import { isRecord } from '../../api/record.ts'
import type { MergePatch } from '../cluster.ts'

type Fields = Record<string, unknown>
/** Leaves by path, as JSON. */
type Leaves = Map<string, unknown>

/** Lists of metadata of which several may own items. */
const SHARED_LISTS = ['ownerReferences', 'finalizers'] as const

export class FieldOwners {
  /** Uid → manager → what it applied last. */
  readonly #applied = new Map<string, Map<string, Fields>>()

  /** What `manager` applying `fields` does to the object. */
  patchFor(old: KubeObject, manager: string, fields: Fields): MergePatch {
    const managers = this.#applied.get(old.metadata.uid) ?? new Map<string, Fields>()
    const last = managers.get(manager) ?? {}
    const others = [...managers].flatMap(([name, theirs]) => (name === manager ? [] : [theirs]))
    const kept = new Set([fields, ...others].flatMap((owned) => [...leavesOf(owned).keys()]))
    const patch: Fields = {}
    for (const path of leavesOf(last).keys()) if (!kept.has(path)) setAt(patch, JSON.parse(path) as string[], null)
    for (const [path, value] of leavesOf(fields)) setAt(patch, JSON.parse(path) as string[], value)
    return { ...patch, metadata: { ...(patch['metadata'] as Fields), ...sharedLists(old, last, fields) } }
  }

  note(uid: string, manager: string, fields: Fields): void {
    const managers = this.#applied.get(uid) ?? new Map<string, Fields>()
    this.#applied.set(uid, managers.set(manager, fields))
  }

  forget(uid: string): void {
    this.#applied.delete(uid)
  }
}

function sharedLists({ metadata }: KubeObject, last: Fields, fields: Fields): Fields {
  const lists = SHARED_LISTS.flatMap((name) => {
    const [was, is] = [listIn(last, name), listIn(fields, name)]
    if (was.length + is.length === 0) return []
    const ofOthers = (metadata[name] ?? []).filter((item) => ![...was, ...is].some((own) => isSameItem(own, item)))
    return [[name, [...ofOthers, ...is]]]
  })
  return Object.fromEntries(lists) as Fields
}

function listIn(fields: Fields, name: string): unknown[] {
  const metadata = fields['metadata']
  const list = isRecord(metadata) ? metadata[name] : undefined
  return Array.isArray(list) ? list : []
}

function isSameItem(a: unknown, b: unknown): boolean {
  return isRecord(a) && isRecord(b) ? a['uid'] === b['uid'] : isDeepStrictEqual(a, b)
}

/** An empty object is a leaf: it must be there. */
function leavesOf(fields: Fields, front: string[] = [], leaves: Leaves = new Map()): Leaves {
  for (const [name, value] of Object.entries(fields)) {
    const path = [...front, name]
    const isShared = front[0] === 'metadata' && front.length === 1 && SHARED_LISTS.some((list) => list === name)
    if (isShared) continue
    if (isRecord(value) && Object.keys(value).length > 0) leavesOf(value, path, leaves)
    else leaves.set(JSON.stringify(path), value)
  }
  return leaves
}

function setAt(target: Fields, path: string[], value: unknown): void {
  const [name = '', ...rest] = path
  if (rest.length === 0) {
    // A leaf that was an object before, or becomes one.
    if (!(value === null && isRecord(target[name]))) target[name] = value
    return
  }
  const child = isRecord(target[name]) ? target[name] : {}
  target[name] = child
  setAt(child, rest, value)
}
