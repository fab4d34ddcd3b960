/**
 * What generic pods wait together for: a namespace, a Runtime and, where the heap has to be made with the process, how much memory
 * (docs/adr/0048). A pool's name is the Runtime's, or `<runtime>:<n>Mi`: names of Kubernetes have no colon. Pure.
 */
import { LABEL, objectKey, splitKey, type ObjectKey } from './names.ts'

export interface PoolName {
  runtime: string
  /** MiB; absent: pods with what all are born with. */
  memoryMb?: number | undefined
}

export interface PoolParts extends PoolName {
  namespace: string
}

/** Of a pool of large pods: there is one pool for every size that is used. */
const LARGE_POOL_SIZE = 1

/** How many pods of it wait, by `spec.pool.size` of its Runtime. */
export function poolSize(size: number, { memoryMb }: Pick<PoolName, 'memoryMb'>): number {
  return memoryMb === undefined ? size : Math.min(size, LARGE_POOL_SIZE)
}

export function poolName({ runtime, memoryMb }: PoolName): string {
  return memoryMb === undefined ? runtime : `${runtime}:${memoryMb}Mi`
}

export function poolKey({ namespace, ...name }: PoolParts): ObjectKey {
  return objectKey(namespace, poolName(name))
}

/** Of the pool that a pod was made for, by its labels; an empty `runtime`: it was made for none, but for an image. */
export function labelledPool(labels: Readonly<Record<string, string>> = {}): PoolName & { memoryMb?: number } {
  const memory = labels[LABEL.memory]
  return { runtime: labels[LABEL.runtime] ?? '', ...(memory !== undefined && { memoryMb: parseInt(memory, 10) }) }
}

export function poolParts(key: ObjectKey): PoolParts {
  const { namespace, name } = splitKey(key)
  const [runtime = '', memory] = name.split(':')
  return { namespace, runtime, ...(memory !== undefined && { memoryMb: parseInt(memory, 10) }) }
}
