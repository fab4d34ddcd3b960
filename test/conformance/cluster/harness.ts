/** What the conformance suite needs of an adapter, and the words its tests are written in. */
import { afterEach, beforeEach } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DormouseFunction, FunctionSpec } from '../../../api/function.ts'
import type { KubeObject } from '../../../api/object.ts'
import type { Cache, CacheOptions, Cluster, Kind, NewMeta, NewObject } from '../../../kube/cluster.ts'
import { newFunctionOf } from '../../builders/kube-objects.ts'

export interface ClusterHarness {
  /** A client and a namespace that exists, is empty and is the caller's alone. */
  open(): Promise<OpenCluster>
  /** How long anything may take that happens in the background. */
  timeLimitMs: number
}

export interface OpenCluster {
  cluster: Cluster
  namespace: string
  /** A kind with the schema of Function: where others work beside the tests it cannot be the one they use. */
  functions: Kind<DormouseFunction>
  close(): Promise<void>
}

/** What one watcher of a cache was told, in order. */
export type Told = { what: 'added' | 'updated' | 'deleted'; name: string; version: number; object: KubeObject }

export interface Bench {
  readonly cluster: Cluster
  readonly namespace: string
  readonly functions: Kind<DormouseFunction>
  newFunction(metadata: NewMeta, spec?: Partial<FunctionSpec>): NewObject<DormouseFunction>
  /** Tries until it no longer throws. */
  eventually(check: () => void | Promise<void>): Promise<void>
  /** A synced cache in the test's namespace; stopped after the test. */
  cache<T extends KubeObject>(kind: Kind<T>, labels?: CacheOptions['labels']): Promise<Cache<T>>
}

/** Call inside describe: opens a cluster per test. */
export function useCluster({ open, timeLimitMs }: ClusterHarness): Bench {
  let opened: OpenCluster
  const caches: Cache<KubeObject>[] = []
  beforeEach(async () => {
    opened = await open()
  })
  afterEach(async () => {
    for (const cache of caches.splice(0)) cache.stop()
    await opened.close()
  })
  return {
    get cluster() {
      return opened.cluster
    },
    get namespace() {
      return opened.namespace
    },
    get functions() {
      return opened.functions
    },
    newFunction: (metadata, spec) => newFunctionOf(opened.functions, metadata, spec),
    eventually: (check) => eventually(check, timeLimitMs),
    cache: async (kind, labels) => {
      const cache = opened.cluster.cache(kind, { namespace: opened.namespace, ...(labels && { labels }) })
      caches.push(cache)
      await cache.synced
      return cache
    },
  }
}

async function eventually(check: () => void | Promise<void>, timeLimitMs: number): Promise<void> {
  const untilMs = Date.now() + timeLimitMs
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > untilMs) throw error
      await sleep(10)
    }
  }
}

export function watch<T extends KubeObject>(cache: Cache<T>): { told: Told[]; unsubscribe: () => void } {
  const told: Told[] = []
  const note = (what: Told['what']) => (object: KubeObject) => {
    const { name, resourceVersion } = object.metadata
    told.push({ what, name, version: Number(resourceVersion), object })
  }
  const unsubscribe = cache.subscribe({ added: note('added'), updated: note('updated'), deleted: note('deleted') })
  return { told, unsubscribe }
}

/** `added a`, … in order. */
export const story = (told: Told[]): string[] => told.map(({ what, name }) => `${what} ${name}`)
