/** All pods we know, found by uid, by name, by function and by pool. Changes go through it so that indexes and listeners keep up. */
import { objectKey, type ObjectKey } from '../../api/names.ts'
import { poolKey } from '../../api/pool-name.ts'
import { functionKeyOf, isGeneric, type NewPodRecord, type PodClaim, type PodRecord } from './pod-record.ts'
import type { PodStage } from './pod-record.ts'

export class PodTable {
  readonly #byUid = new Map<string, PodRecord>()
  readonly #byName = new Map<ObjectKey, PodRecord>()
  readonly #byFunction = new Map<ObjectKey, Set<PodRecord>>()
  /** Booting and idle ones only: what the pool is about. */
  readonly #generic = new Map<ObjectKey, Set<PodRecord>>()
  readonly #functionListeners = new Set<(key: ObjectKey) => void>()
  readonly #genericListeners = new Set<() => void>()

  get(uid: string): PodRecord | undefined {
    return this.#byUid.get(uid)
  }

  byName(namespace: string, name: string): PodRecord | undefined {
    return this.#byName.get(objectKey(namespace, name))
  }

  all(): Iterable<PodRecord> {
    return this.#byUid.values()
  }

  /** Oldest first. */
  ofFunction(key: ObjectKey): PodRecord[] {
    return [...(this.#byFunction.get(key) ?? [])].sort((a, b) => a.createdAtMs - b.createdAtMs)
  }

  /** Booting and idle pods, in the order they were first seen. */
  generic(pool: ObjectKey): Iterable<PodRecord> {
    return this.#generic.get(pool) ?? []
  }

  *allGeneric(): Iterable<PodRecord> {
    for (const records of this.#generic.values()) yield* records
  }

  /** The record of this pod, made when there is none: create() and the watch may each be first. */
  add(pod: NewPodRecord): PodRecord {
    const known = this.#byUid.get(pod.uid)
    if (known) return known
    const record: PodRecord = { ...pod, stage: 'booting', calledHome: false, gone: new AbortController() }
    this.#byUid.set(record.uid, record)
    this.#byName.set(objectKey(record.namespace, record.name), record)
    this.#index(record)
    this.#tell(record, true)
    return record
  }

  /** Moves a record on and tells who watches its function, before and after, or the pools. A null claim takes it away. */
  change(record: PodRecord, to: { stage?: PodStage; claim?: PodClaim | null }): void {
    const wasGeneric = isGeneric(record)
    const formerKey = functionKeyOf(record)
    this.#unindex(record)
    if (to.stage !== undefined) record.stage = to.stage
    if (to.claim === null) delete record.claim
    else if (to.claim !== undefined) record.claim = to.claim
    if (this.#byUid.get(record.uid) === record) this.#index(record)
    if (formerKey !== functionKeyOf(record)) this.#tellFunction(formerKey)
    this.#tell(record, wasGeneric || isGeneric(record))
  }

  remove(record: PodRecord): void {
    if (!this.#byUid.delete(record.uid)) return
    const name = objectKey(record.namespace, record.name)
    if (this.#byName.get(name) === record) this.#byName.delete(name)
    this.#unindex(record)
    this.#tell(record, isGeneric(record))
  }

  /** Returns the unsubscribe. */
  onFunction(listener: (key: ObjectKey) => void): () => void {
    this.#functionListeners.add(listener)
    return () => this.#functionListeners.delete(listener)
  }

  /** The number of booting or idle pods may have changed. Returns the unsubscribe. */
  onGeneric(listener: () => void): () => void {
    this.#genericListeners.add(listener)
    return () => this.#genericListeners.delete(listener)
  }

  #tell(record: PodRecord, genericChanged: boolean): void {
    this.#tellFunction(functionKeyOf(record))
    if (genericChanged) this.#genericListeners.forEach((listener) => listener())
  }

  #tellFunction(key: ObjectKey | undefined): void {
    if (key !== undefined) this.#functionListeners.forEach((listener) => listener(key))
  }

  #index(record: PodRecord): void {
    const key = functionKeyOf(record)
    if (key !== undefined) addTo(this.#byFunction, key, record)
    if (isGeneric(record)) addTo(this.#generic, poolKey(record), record)
  }

  #unindex(record: PodRecord): void {
    const key = functionKeyOf(record)
    if (key !== undefined) removeFrom(this.#byFunction, key, record)
    removeFrom(this.#generic, poolKey(record), record)
  }
}

function addTo(index: Map<ObjectKey, Set<PodRecord>>, key: ObjectKey, record: PodRecord): void {
  const records = index.get(key)
  if (records) records.add(record)
  else index.set(key, new Set([record]))
}

function removeFrom(index: Map<ObjectKey, Set<PodRecord>>, key: ObjectKey, record: PodRecord): void {
  const records = index.get(key)
  if (records?.delete(record) === true && records.size === 0) index.delete(key)
}
