/** A real Kubernetes for tests: the one KUBECONFIG names. Suites that need one are skipped without, and their title says why (`describeOnCluster`). */
import { describe } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { KubeObject } from '../../api/object.ts'
import { createClientNodeCluster } from '../../kube/client-node/client-node-cluster.ts'
import type { ClientNodeCluster } from '../../kube/client-node/client-node-cluster.ts'
import type { ClusterAccess } from '../../kube/client-node/cluster-access.ts'
import { loadClusterAccess } from '../../kube/client-node/kube-config.ts'
import type { Kind } from '../../kube/cluster.ts'
import { silentLogger, type Logger } from '../../lib/logger.ts'
import { eventually } from './eventually.ts'

export type FoundCluster = { kind: 'available'; kubeconfig: string } | { kind: 'missing'; reason: string }

/** Whether it answers is for the tests to find out: a cluster that is named and away is a failure, not a reason to skip. */
export function findCluster(env: NodeJS.ProcessEnv = process.env): FoundCluster {
  const { KUBECONFIG: kubeconfig = '' } = env
  if (kubeconfig !== '') return { kind: 'available', kubeconfig }
  return { kind: 'missing', reason: 'KUBECONFIG is not set; `make cluster` starts a Kubernetes and says where its is' }
}

/** As `describe`, once a cluster is named; else the suite is skipped and its title says why. */
export function describeOnCluster(title: string, suite: () => void): void {
  const found = findCluster()
  if (found.kind === 'missing') return describe.skip(`${title} [skipped: ${found.reason}]`, suite)
  describe(title, suite)
}

export function clusterAccess(): Promise<ClusterAccess> {
  return loadClusterAccess({ env: process.env })
}

export async function openCluster(logger: Logger = silentLogger): Promise<ClientNodeCluster> {
  return createClientNodeCluster({ access: await clusterAccess(), logger, component: 'dormouse-test' })
}

const core = { group: '', version: 'v1' }
export const NAMESPACES: Kind<KubeObject> = {
  ...core,
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
  hasStatus: true,
}
const SERVICE_ACCOUNTS: Kind<KubeObject> = {
  ...core,
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  namespaced: true,
  hasStatus: false,
}
interface CustomResourceDefinition extends KubeObject {
  spec: { group: string; names: { plural: string; shortNames?: string[]; categories?: string[] } }
  status?: { conditions?: { type: string; status: string }[] }
}
const CRDS: Kind<CustomResourceDefinition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
  hasStatus: true,
}

const TEST_LABELS = { 'dormouse.dev/made-by': 'tests' }

/** Its name; empty, and ready for pods. Whoever made it deletes it. */
export async function newNamespace(cluster: ClientNodeCluster, front = 'dormouse-test-'): Promise<string> {
  const { metadata } = await cluster.create(NAMESPACES, {
    ...{ apiVersion: 'v1', kind: 'Namespace', metadata: { generateName: front, labels: TEST_LABELS } },
  })
  // Pods are refused until it is there.
  const account = { namespace: metadata.name, name: 'default' }
  await eventually('a default service account', () => cluster.get(SERVICE_ACCOUNTS, account), { withinMs: 20_000 })
  return metadata.name
}

/** Settles when the deletion has begun. */
export function deleteNamespace(cluster: ClientNodeCluster, name: string): Promise<void> {
  return cluster.delete(NAMESPACES, { name })
}

/**
 * A kind of the same schema in a group of the caller's own, so that no installation on the cluster is touched. `crdFile`: of `crds/`.
 * `remove` takes it away with all its objects.
 */
export async function newKindLike<T extends KubeObject>(
  cluster: ClientNodeCluster,
  kind: Kind<T>,
  crdFile: string,
): Promise<{ kind: Kind<T>; remove: () => Promise<void> }> {
  const crd = parse(readFileSync(new URL(`../../crds/${crdFile}`, import.meta.url), 'utf8')) as CustomResourceDefinition
  const group = `g${Math.random().toString(36).slice(2, 10)}.test.dormouse.dev`
  const name = `${kind.plural}.${group}`
  const { shortNames: _short, categories: _categories, ...names } = crd.spec.names
  const spec = { ...crd.spec, group, names }
  await cluster.create(CRDS, { ...crd, metadata: { name, labels: TEST_LABELS }, spec })
  await eventually('an established kind', async () => {
    const { status } = (await cluster.get(CRDS, { name })) ?? {}
    return status?.conditions?.some((condition) => condition.type === 'Established' && condition.status === 'True')
  })
  return { kind: { ...kind, group }, remove: () => cluster.delete(CRDS, { name }) }
}
