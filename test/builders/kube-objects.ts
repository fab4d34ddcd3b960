/** New objects that any API server takes, in a namespace the caller names. */
import type { FunctionSpec } from '../../api/function.ts'
import type { DormouseFunction } from '../../api/function.ts'
import { FUNCTIONS } from '../../api/kinds.ts'
import type { Kind, NewMeta, NewObject } from '../../kube/cluster.ts'
import { apiVersionOf } from '../../kube/kinds.ts'
import type { ControllerRevision, Pod, Secret } from '../../kube/objects.ts'

export function newSecret(metadata: NewMeta, data: Record<string, string> = {}): NewObject<Secret> {
  return { apiVersion: 'v1', kind: 'Secret', metadata, data }
}

/** Without a node, and kept from getting one. */
export function newPod(metadata: NewMeta, spec: Partial<Pod['spec']> = {}): NewObject<Pod> {
  const gates = { schedulingGates: [{ name: 'dormouse.dev/never' }] }
  const containers = [{ name: 'main', image: 'example/none' }]
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers, ...gates, ...spec } }
}

/** On a node that no kubelet serves: its deletion waits. */
export function newPodOnNode(metadata: NewMeta, terminationGracePeriodSeconds = 30): NewObject<Pod> {
  const containers = [{ name: 'main', image: 'example/none' }]
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: { containers, nodeName: 'nowhere', terminationGracePeriodSeconds },
  }
}

export function newRevision(metadata: NewMeta, data: Record<string, unknown> = {}): NewObject<ControllerRevision> {
  return { apiVersion: 'apps/v1', kind: 'ControllerRevision', metadata, data, revision: 1 }
}

export function newFunction(metadata: NewMeta, spec: Partial<FunctionSpec> = {}): NewObject<DormouseFunction> {
  return newFunctionOf(FUNCTIONS, metadata, spec)
}

export function newFunctionOf(
  kind: Kind<DormouseFunction>,
  metadata: NewMeta,
  spec: Partial<FunctionSpec> = {},
): NewObject<DormouseFunction> {
  const least = { runtime: 'node', code: { inline: { 'index.mjs': 'export const handler = () => 1' } } }
  return {
    apiVersion: apiVersionOf(kind),
    kind: 'Function',
    metadata,
    // Defaults are the API server's to fill in.
    spec: { ...least, ...spec } as FunctionSpec,
  }
}
