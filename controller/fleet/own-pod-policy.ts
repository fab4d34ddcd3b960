/**
 * Which functions take pods from a pool and which get pods of their own, made for them alone. Pure. A pod of a pool exists before it
 * knows its function: what Kubernetes fixes when a pod is created cannot be given to it later.
 */
import { DEFAULT_LIMITS } from '../../api/function-pod.ts'
import type { FunctionSpec } from '../../api/function.ts'
import { durationMs } from '../../api/duration.ts'
import { addsPlacement, type Placement } from '../../api/placement.ts'
import { cpuMillis, memoryMb, quantityBytes } from '../../api/quantity.ts'
import type { PoolName } from '../../api/pool-name.ts'
import type { ContainerResources, RevisionTemplate } from './fleet.ts'

/** What the container of a pod of its own is: a Runtime, made the function's when it is up, or an image nobody can ask anything. */
export type OwnPodKind = 'runtime' | 'image'

type Made = Pick<
  RevisionTemplate,
  | 'image'
  | 'secretEnv'
  | 'configMapEnv'
  | 'serviceAccountName'
  | 'resources'
  | 'timeoutMs'
  | 'nodeSelector'
  | 'tolerations'
>

/**
 * Pods of pools get that long, and a little, to end: also when it is not us who end them. Not as long as any function may take, as
 * Kubernetes waits for half of what the slowest pod of a namespace may take before it looks at a namespace that is deleted again.
 */
export const LONGEST_POOL_TIMEOUT_MS = 60_000

/**
 * What most pods of pools can use: V8 reads how large its heap may be when a process begins, and theirs begin with 128Mi. It gives those 256 MB;
 * memory that is added later is none for JavaScript.
 */
const LARGEST_COMMON_MEMORY_MB = 256

/** MiB of memory that pods wait with, made for it from birth, where a Function asks for just as much. */
const LARGE_POOLS_MB: readonly number[] = [384, 512, 768, 1024, 1536, 2048, 3072, 4096]

/** Undefined: a pod of its Runtime's pool will do. `runtime`: where that has its pods. */
export function ownPodKind(made: Made, runtime?: Placement): OwnPodKind | undefined {
  const { image, secretEnv, configMapEnv, serviceAccountName, resources, timeoutMs } = made
  if (image !== undefined) return 'image'
  if (timeoutMs > LONGEST_POOL_TIMEOUT_MS) return 'runtime'
  if (secretEnv !== undefined || configMapEnv !== undefined || serviceAccountName !== undefined) return 'runtime'
  if (addsPlacement(made, runtime)) return 'runtime'
  return resources !== undefined && isFixedAtBirth(resources) ? 'runtime' : undefined
}

/** The same of a spec: the pool that has to be ready for it, if one has. */
export function poolOfSpec(spec: FunctionSpec, placement?: Placement): PoolName | undefined {
  const { image, runtime, env, serviceAccountName, resources, timeout } = spec
  if (image !== undefined || serviceAccountName !== undefined || addsPlacement(spec, placement)) return undefined
  if (durationMs(timeout) > LONGEST_POOL_TIMEOUT_MS) return undefined
  if (env.some(({ valueFrom }) => valueFrom !== undefined)) return undefined
  const made = containerResources(resources)
  return isFixedAtBirth(made) ? undefined : poolOf({ resources: made, ...(runtime !== undefined && { runtime }) })
}

/** What a function that sleeps most of its life sets aside, and what pods of pools are born with. */
const DEFAULT_REQUESTS = { cpu: '10m', memoryMb: 64 }

/** What a container is born with that is given nothing else: what a Function is that says nothing about resources. */
export function containerResources({ limits, requests }: FunctionSpec['resources']): ContainerResources {
  return {
    requests: {
      cpu: plainCpu(requests?.cpu ?? DEFAULT_REQUESTS.cpu),
      memory: plainMemory(requests?.memory ?? `${Math.min(DEFAULT_REQUESTS.memoryMb, memoryMb(limits.memory))}Mi`),
    },
    limits: { cpu: plainCpu(limits.cpu), memory: plainMemory(limits.memory) },
  }
}

export const POOL_RESOURCES: ContainerResources = containerResources({ limits: DEFAULT_LIMITS })

/** The same amount is the same text: `1.0` and `1000m` are no reason for a new revision. */
function plainCpu(quantity: string): string {
  const millis = cpuMillis(quantity)
  return millis % 1000 === 0 ? String(millis / 1000) : `${millis}m`
}

function plainMemory(quantity: string): string {
  const bytes = Math.ceil(quantityBytes(quantity))
  return bytes % (1 << 20) === 0 ? `${bytes / (1 << 20)}Mi` : String(bytes)
}

type Amounts = ContainerResources['limits']

/** The API writes amounts in its own way: 1Gi for 1024Mi. */
export function isSameResources(
  has: { requests?: Partial<Amounts>; limits?: Partial<Amounts> } | undefined,
  wanted: ContainerResources,
): boolean {
  const isSame = (kind: 'requests' | 'limits') =>
    isSameAmount(has?.[kind]?.cpu, wanted[kind].cpu, plainCpu) &&
    isSameAmount(has?.[kind]?.memory, wanted[kind].memory, plainMemory)
  return isSame('requests') && isSame('limits')
}

function isSameAmount(has: string | undefined, wanted: string, plain: (quantity: string) => string): boolean {
  if (has === undefined || has === wanted) return has === wanted
  try {
    return plain(has) === plain(wanted)
  } catch {
    // Written by somebody else, in a notation that Functions do not have.
    return false
  }
}

/** No pod that exists can be resized to them. */
function isFixedAtBirth(resources: ContainerResources): boolean {
  const isLargeAlone = isLarge(resources) && !LARGE_POOLS_MB.includes(memoryMb(resources.limits.memory))
  return isLargeAlone || isGuaranteed(resources)
}

/** The pool of pods that become it; not of functions with pods of their own. */
export function poolOf({ runtime = '', resources }: Pick<RevisionTemplate, 'runtime' | 'resources'>): PoolName {
  return resources !== undefined && isLarge(resources)
    ? { runtime, memoryMb: memoryMb(resources.limits.memory) }
    : { runtime }
}

/** What pods of that pool are born with. */
export function poolResources(memoryMb: number | undefined): ContainerResources {
  if (memoryMb === undefined) return POOL_RESOURCES
  return containerResources({ limits: { ...DEFAULT_LIMITS, memory: `${memoryMb}Mi` } })
}

/** Its heap has to be made for it. */
export function isLarge({ limits }: Pick<ContainerResources, 'limits'>): boolean {
  return memoryMb(limits.memory) > LARGEST_COMMON_MEMORY_MB
}

/** Requests equal to limits put a pod into another class of service, which never changes in a pod's life. */
function isGuaranteed({ requests, limits }: ContainerResources): boolean {
  const isSameMemory = requests.memory === limits.memory
  return isSameMemory && requests.cpu === limits.cpu
}
