/**
 * Keeps packed code where it outlives the controller and the place it came from: in objects beside the Function (code-parts.ts), and the latest
 * used of it in memory, for wake-ups while the API is away. Every replica has one; only the leader writes.
 */
import type { Cluster } from '../../kube/cluster.ts'
import { CONTROLLER_REVISIONS } from '../../kube/objects.ts'
import { createOwned, ignoreGone, isOwnedBy } from '../ownership.ts'
import { codeParts, parsePart, partName, type CodeOwner, type CodePart } from './code-parts.ts'
import { CodeError } from './packed-code.ts'

export interface CodeStoreOptions {
  cluster: Pick<Cluster, 'create' | 'get' | 'delete'>
  /** What is kept in memory at most; default 48 MiB. */
  memoryBytes?: number
}

const DEFAULT_MEMORY_BYTES = 48 * 1024 * 1024

export class CodeStore {
  readonly #options: CodeStoreOptions
  /** The latest used last. */
  readonly #kept = new Map<string, Buffer>()
  readonly #fetching = new Map<string, Promise<Buffer>>()
  #keptBytes = 0

  constructor(options: CodeStoreOptions) {
    this.#options = options
  }

  /** Whether reading more would push out what is kept. */
  get isFull(): boolean {
    const { memoryBytes = DEFAULT_MEMORY_BYTES } = this.#options
    return this.#keptBytes > memoryBytes * 0.8
  }

  /** Only what is in memory. */
  here(owner: CodeOwner, digest: string): Buffer | undefined {
    const key = keyOf(owner, digest)
    const packed = this.#kept.get(key)
    if (packed === undefined) return undefined
    this.#kept.delete(key)
    this.#kept.set(key, packed)
    return packed
  }

  /** Throws CodeError when it is not all there, ClusterError. */
  async fetch(owner: CodeOwner, digest: string): Promise<Buffer> {
    const here = this.here(owner, digest)
    if (here !== undefined) return here
    const key = keyOf(owner, digest)
    const fetching = this.#fetching.get(key) ?? this.#read(owner, digest).finally(() => this.#fetching.delete(key))
    this.#fetching.set(key, fetching)
    return fetching
  }

  async has(owner: CodeOwner, digest: string): Promise<boolean> {
    return (await this.#part(owner, digest, 0)) !== undefined
  }

  /** Throws ClusterError. Parts that are there already are left as they are. */
  async put(owner: CodeOwner, digest: string, packed: Buffer): Promise<void> {
    for (const part of codeParts(owner, digest, packed)) await createOwned(this.#options.cluster, part, owner.uid)
    this.#keep(keyOf(owner, digest), packed)
  }

  /** Best effort: what stays goes with the Function. */
  async remove(owner: CodeOwner, digest: string): Promise<void> {
    this.#drop(keyOf(owner, digest))
    const first = await this.#part(owner, digest, 0)
    for (let index = 0; index < (first?.parts ?? 0); index += 1)
      await ignoreGone(this.#options.cluster.delete(CONTROLLER_REVISIONS, refOf(owner, digest, index)))
  }

  async #read(owner: CodeOwner, digest: string): Promise<Buffer> {
    const first = await this.#part(owner, digest, 0)
    const rest = Array.from({ length: (first?.parts ?? 1) - 1 }, (_, index) => this.#part(owner, digest, index + 1))
    const parts = [first, ...(await Promise.all(rest))]
    const missing = parts.indexOf(undefined)
    if (missing >= 0)
      throw new CodeError(`ControllerRevision ${partName(owner, digest, missing)}, which holds code, is missing`)
    const packed = Buffer.concat(parts.map((part) => Buffer.from(part?.bytes ?? '', 'base64')))
    this.#keep(keyOf(owner, digest), packed)
    return packed
  }

  async #part(owner: CodeOwner, digest: string, index: number): Promise<CodePart | undefined> {
    const object = await this.#options.cluster.get(CONTROLLER_REVISIONS, refOf(owner, digest, index))
    return object !== undefined && isOwnedBy(object, owner.uid) ? parsePart(object, digest) : undefined
  }

  #keep(key: string, packed: Buffer): void {
    this.#drop(key)
    this.#kept.set(key, packed)
    this.#keptBytes += packed.length
    const { memoryBytes = DEFAULT_MEMORY_BYTES } = this.#options
    for (const oldest of this.#kept.keys()) {
      if (this.#keptBytes <= memoryBytes || oldest === key) return
      this.#drop(oldest)
    }
  }

  #drop(key: string): void {
    this.#keptBytes -= this.#kept.get(key)?.length ?? 0
    this.#kept.delete(key)
  }
}

/** By Function and not by digest alone: who knows a digest has no right to somebody else's code. */
const keyOf = ({ uid }: CodeOwner, digest: string) => `${uid} ${digest}`

const refOf = (owner: CodeOwner, digest: string, index: number) => ({
  namespace: owner.namespace,
  name: partName(owner, digest, index),
})
