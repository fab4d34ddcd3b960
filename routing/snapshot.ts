/**
 * What the feed says, as immutable snapshots. A request reads one reference and never sees half a change.
 * A change copies the outer map and the entries it touches; everything else is shared with the snapshot before.
 */
import type { ObjectKey } from '../api/names.ts'
import type { FeedEndpoint, FeedFunction, FeedMessage, FeedRoute, FeedSubscription } from '../api/protocol.ts'

export interface FunctionEntry {
  readonly fn: FeedFunction
  readonly endpoints: readonly FeedEndpoint[]
}

export interface Snapshot {
  /** Names the controller process; undefined before the first snapshot. */
  readonly epoch: string | undefined
  readonly version: number
  readonly functions: ReadonlyMap<ObjectKey, FunctionEntry>
  /** The same array until routes change. */
  readonly routes: readonly FeedRoute[]
  /** The same array until they change. */
  readonly subscriptions: readonly FeedSubscription[]
}

const EMPTY_SNAPSHOT: Snapshot = { epoch: undefined, version: 0, functions: new Map(), routes: [], subscriptions: [] }

type SnapshotMessage = Extract<FeedMessage, { type: 'snapshot' }>
type ChangeMessage = Extract<FeedMessage, { type: 'change' }>

/** A message that does not fit what came before: the connection must be made anew. */
export class FeedOrderError extends Error {
  override readonly name = 'FeedOrderError'
  readonly code = 'feed-order'
}

export interface Applied {
  snapshot: Snapshot
  /** Functions whose entry is new, different or gone. */
  changed: ReadonlySet<ObjectKey>
}

/** Keeps the newest snapshot and the index that finds an endpoint's function by pod uid. */
export class SnapshotStore {
  #snapshot: Snapshot = EMPTY_SNAPSHOT
  #functionOfEndpoint = new Map<string, ObjectKey>()
  /** Endpoints that came before their function: shown once it arrives. */
  #orphans = new Map<string, FeedEndpoint>()

  get snapshot(): Snapshot {
    return this.#snapshot
  }

  replace(message: SnapshotMessage): Applied {
    const before = this.#snapshot.functions
    const groups = new Map<ObjectKey, FeedEndpoint[]>(message.functions.map((fn) => [fn.key, []]))
    this.#functionOfEndpoint = new Map()
    this.#orphans = new Map()
    for (const endpoint of message.endpoints) {
      this.#functionOfEndpoint.set(endpoint.id, endpoint.function)
      const group = groups.get(endpoint.function)
      if (group === undefined) this.#orphans.set(endpoint.id, endpoint)
      else group.push(endpoint)
    }
    const functions = new Map<ObjectKey, FunctionEntry>(
      message.functions.map((fn) => [fn.key, { fn, endpoints: groups.get(fn.key) ?? [] }]),
    )
    const { epoch, version, routes, subscriptions } = message
    this.#snapshot = { epoch, version, functions, routes, subscriptions }
    return { snapshot: this.#snapshot, changed: new Set([...before.keys(), ...functions.keys()]) }
  }

  /** Throws FeedOrderError when no snapshot came before or the version goes back. */
  change(message: ChangeMessage): Applied {
    const before = this.#snapshot
    if (before.epoch === undefined) throw new FeedOrderError('expected a snapshot first, got a change')
    if (message.version <= before.version)
      throw new FeedOrderError(`expected a version above ${before.version}, got ${message.version}`)
    const edit = new Edit(before.functions)
    for (const key of message.removedFunctions) this.#removeFunction(edit, key)
    for (const fn of message.functions) this.#setFunction(edit, fn)
    for (const id of message.removedEndpoints) this.#removeEndpoint(edit, id)
    for (const endpoint of message.endpoints) this.#setEndpoint(edit, endpoint)
    const routes = message.routes ?? before.routes
    const subscriptions = message.subscriptions ?? before.subscriptions
    const { version } = message
    this.#snapshot = { epoch: before.epoch, version, functions: edit.functions, routes, subscriptions }
    return { snapshot: this.#snapshot, changed: edit.changed }
  }

  heartbeat(version: number): void {
    if (version > this.#snapshot.version) this.#snapshot = { ...this.#snapshot, version }
  }

  #removeFunction(edit: Edit, key: ObjectKey): void {
    for (const { id } of edit.functions.get(key)?.endpoints ?? []) this.#functionOfEndpoint.delete(id)
    edit.remove(key)
  }

  #setFunction(edit: Edit, fn: FeedFunction): void {
    const known = edit.functions.get(fn.key)?.endpoints ?? []
    const arrived = [...this.#orphans.values()].filter((endpoint) => endpoint.function === fn.key)
    for (const { id } of arrived) this.#orphans.delete(id)
    edit.set(fn.key, { fn, endpoints: arrived.length === 0 ? known : [...known, ...arrived] })
  }

  #removeEndpoint(edit: Edit, id: string): void {
    const key = this.#functionOfEndpoint.get(id)
    this.#functionOfEndpoint.delete(id)
    this.#orphans.delete(id)
    const entry = key === undefined ? undefined : edit.functions.get(key)
    if (key === undefined || entry === undefined) return
    edit.set(key, { fn: entry.fn, endpoints: entry.endpoints.filter((endpoint) => endpoint.id !== id) })
  }

  #setEndpoint(edit: Edit, endpoint: FeedEndpoint): void {
    this.#removeEndpoint(edit, endpoint.id)
    this.#functionOfEndpoint.set(endpoint.id, endpoint.function)
    const entry = edit.functions.get(endpoint.function)
    if (entry === undefined) this.#orphans.set(endpoint.id, endpoint)
    else edit.set(endpoint.function, { fn: entry.fn, endpoints: [...entry.endpoints, endpoint] })
  }
}

/** Copies the outer map once, on the first write. */
class Edit {
  functions: ReadonlyMap<ObjectKey, FunctionEntry>
  readonly changed = new Set<ObjectKey>()
  #copy: Map<ObjectKey, FunctionEntry> | undefined

  constructor(functions: ReadonlyMap<ObjectKey, FunctionEntry>) {
    this.functions = functions
  }

  set(key: ObjectKey, entry: FunctionEntry): void {
    this.#writable().set(key, entry)
    this.changed.add(key)
  }

  remove(key: ObjectKey): void {
    if (this.#writable().delete(key)) this.changed.add(key)
  }

  #writable(): Map<ObjectKey, FunctionEntry> {
    this.#copy ??= new Map(this.functions)
    this.functions = this.#copy
    return this.#copy
  }
}
