/**
 * What has been published and how it is written down. No I/O and no clock. Everything is kept serialised: a change costs what changed,
 * a snapshot is a join, and all consumers share the same lines.
 */
import type { ObjectKey } from '../../api/names.ts'
import type { FeedEndpoint, FeedFunction, FeedRoute, FeedSubscription } from '../../api/protocol.ts'

/** One function as it is now; without `function` it is gone, and so are its endpoints. */
export interface FunctionState {
  key: ObjectKey
  function?: FeedFunction
  endpoints: readonly FeedEndpoint[]
}

export interface PublicationInput {
  /** Each key at most once. */
  functions: readonly FunctionState[]
  /** Present when they may have changed. */
  routes?: readonly FeedRoute[]
  subscriptions?: readonly FeedSubscription[]
}

/** Removals that drains may still ask for. */
const REMEMBERED_REMOVALS = 10_000

export class Publication {
  readonly epoch: string
  #version = 0
  readonly #functions = new Map<ObjectKey, string>()
  readonly #endpoints = new Map<ObjectKey, ReadonlyMap<string, string>>()
  readonly #addedAt = new Map<string, number>()
  readonly #removedAt = new Map<string, number>()
  #routes = '[]'
  #subscriptions = '[]'
  #snapshot: string | undefined

  constructor(epoch: string) {
    this.epoch = epoch
  }

  get version(): number {
    return this.#version
  }

  /** The version that brought this endpoint; undefined while it is not published. */
  addedAt(endpointId: string): number | undefined {
    return this.#addedAt.get(endpointId)
  }

  /** The version that took it away; undefined when it was never published. */
  removedAt(endpointId: string): number | undefined {
    return this.#removedAt.get(endpointId)
  }

  /** The line that tells consumers what is different, all of it in one message; undefined when nothing is. */
  apply({ functions, routes, subscriptions }: PublicationInput): string | undefined {
    const change = new Change()
    this.#version += 1
    for (const state of functions) this.#applyFunction(state, change)
    const lists: ChangedLists = {}
    const routesJson = routes === undefined ? this.#routes : JSON.stringify(routes)
    if (routesJson !== this.#routes) lists.routes = this.#routes = routesJson
    const subscriptionsJson = subscriptions === undefined ? this.#subscriptions : JSON.stringify(subscriptions)
    if (subscriptionsJson !== this.#subscriptions) lists.subscriptions = this.#subscriptions = subscriptionsJson
    if (change.isEmpty && Object.keys(lists).length === 0) {
      this.#version -= 1
      return undefined
    }
    this.#snapshot = undefined
    return change.line(this.#version, lists)
  }

  /** Everything, as the first line of a feed. */
  snapshot(): string {
    this.#snapshot ??=
      `{"type":"snapshot","epoch":${JSON.stringify(this.epoch)},"version":${this.#version},` +
      `"functions":[${[...this.#functions.values()].join()}],"routes":${this.#routes},` +
      `"subscriptions":${this.#subscriptions},` +
      `"endpoints":[${this.#allEndpoints().join()}]}\n`
    return this.#snapshot
  }

  heartbeat(): string {
    return `{"type":"heartbeat","version":${this.#version}}\n`
  }

  #applyFunction(state: FunctionState, change: Change): void {
    const { key } = state
    const json = state.function && JSON.stringify(state.function)
    if (json === undefined) {
      if (this.#functions.delete(key)) change.removedFunctions.push(JSON.stringify(key))
    } else if (this.#functions.get(key) !== json) {
      this.#functions.set(key, json)
      change.functions.push(json)
    }
    this.#applyEndpoints(key, json === undefined ? [] : state.endpoints, change)
  }

  #applyEndpoints(key: ObjectKey, endpoints: readonly FeedEndpoint[], change: Change): void {
    const before = this.#endpoints.get(key)
    if (before === undefined && endpoints.length === 0) return
    const now = new Map(endpoints.map((endpoint) => [endpoint.id, JSON.stringify(endpoint)]))
    for (const [id, json] of now) if (before?.get(id) !== json) this.#add(id, json, change)
    for (const id of before?.keys() ?? []) if (!now.has(id)) this.#remove(id, change)
    if (now.size === 0) this.#endpoints.delete(key)
    else this.#endpoints.set(key, now)
  }

  #add(id: string, json: string, change: Change): void {
    change.endpoints.push(json)
    this.#addedAt.set(id, this.#version)
    this.#removedAt.delete(id)
  }

  #remove(id: string, change: Change): void {
    change.removedEndpoints.push(JSON.stringify(id))
    this.#addedAt.delete(id)
    this.#removedAt.set(id, this.#version)
    for (const oldest of this.#removedAt.keys()) {
      if (this.#removedAt.size <= REMEMBERED_REMOVALS) break
      this.#removedAt.delete(oldest)
    }
  }

  #allEndpoints(): string[] {
    return [...this.#endpoints.values()].flatMap((endpoints) => [...endpoints.values()])
  }
}

/** As JSON; only those that are different. */
interface ChangedLists {
  routes?: string
  subscriptions?: string
}

class Change {
  readonly functions: string[] = []
  readonly removedFunctions: string[] = []
  readonly endpoints: string[] = []
  readonly removedEndpoints: string[] = []

  get isEmpty(): boolean {
    const { functions, removedFunctions, endpoints, removedEndpoints } = this
    return functions.length + removedFunctions.length + endpoints.length + removedEndpoints.length === 0
  }

  line(version: number, { routes, subscriptions }: ChangedLists): string {
    return (
      `{"type":"change","version":${version},"functions":[${this.functions.join()}],` +
      `"removedFunctions":[${this.removedFunctions.join()}],${routes === undefined ? '' : `"routes":${routes},`}` +
      (subscriptions === undefined ? '' : `"subscriptions":${subscriptions},`) +
      `"endpoints":[${this.endpoints.join()}],"removedEndpoints":[${this.removedEndpoints.join()}]}\n`
    )
  }
}
