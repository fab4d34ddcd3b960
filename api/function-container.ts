/**
 * Which container of a pod is the function's: admission webhooks (service meshes, agents) add others, some before ours, and the kubelet
 * lists statuses by name.
 */
import { CONTAINER } from './names.ts'

const OURS: readonly string[] = Object.values(CONTAINER)

/** The first of those none of which has our name. */
const oursAmong = <T extends { name: string }>(all: readonly T[]): T | undefined =>
  all.find(({ name }) => OURS.includes(name)) ?? all[0]

export function functionContainer<C extends { name: string }>(pod: {
  spec: { containers: readonly C[] }
}): C | undefined {
  return oursAmong(pod.spec.containers)
}

/** What the kubelet says of it; undefined before it does. */
export function functionContainerStatus<S extends { name: string }>(pod: {
  status?: { containerStatuses?: readonly S[] }
}): S | undefined {
  return oursAmong(pod.status?.containerStatuses ?? [])
}
