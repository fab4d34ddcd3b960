/**
 * Finds the cluster as kubectl does: a named kubeconfig, KUBECONFIG (several files, the first that names a thing wins), ~/.kube/config, the pod we
 * are in. client-node reads kubeconfigs and runs what they name (exec plugins, OIDC, token files); it is loaded only when there is one.
 */
import { readFileSync, statSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import type * as ClientNode from '@kubernetes/client-node'
import type { KubeConfig, User } from '@kubernetes/client-node'
import type { Environment } from '../../lib/environment.ts'
import { ClusterAccessError, type ClusterAccess } from './cluster-access.ts'
import { inClusterAccess } from './in-cluster.ts'
import { KubeConfigAccess } from './kube-config-access.ts'
import { errorText } from '../../lib/error-text.ts'

export interface ClusterAccessOptions {
  /** KUBECONFIG, HOME, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT; plugins get all of the process's. */
  env: Environment
  /** Path of a kubeconfig; then nothing else is looked at. */
  kubeconfig?: string
  /** A context of the kubeconfig; default: its current one. */
  context?: string
  /** Where a pod's service account is mounted. */
  serviceAccountDirectory?: string
}

/** Throws ClusterAccessError. */
export async function loadClusterAccess(options: ClusterAccessOptions): Promise<ClusterAccess> {
  const { env, kubeconfig, context, serviceAccountDirectory } = options
  const files = kubeconfig === undefined ? defaultFiles(env) : [resolve(kubeconfig)]
  if (files.length > 0) return openKubeConfig(files, context)
  const directory = serviceAccountDirectory === undefined ? {} : { directory: serviceAccountDirectory }
  const inCluster = context === undefined ? inClusterAccess({ env, ...directory }) : undefined
  if (inCluster) return inCluster
  throw new ClusterAccessError(
    'missing',
    `no cluster is known: expected ${context === undefined ? '' : `a kubeconfig with the context ${context}: `}` +
      'a kubeconfig in KUBECONFIG or ~/.kube/config, or a pod with a service-account token',
  )
}

/** Files that KUBECONFIG names need not all exist, as with kubectl; but one must. */
function defaultFiles({ KUBECONFIG, HOME }: Environment): string[] {
  const named = (KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '')
  const present = named.filter(exists)
  if (named.length > 0 && present.length === 0) {
    throw new ClusterAccessError('unreadable', `KUBECONFIG names no file that exists: ${named.join(', ')}`)
  }
  if (named.length > 0) return present.map((path) => resolve(path))
  const ofHome = HOME === undefined ? undefined : join(HOME, '.kube', 'config')
  return ofHome !== undefined && exists(ofHome) ? [ofHome] : []
}

async function openKubeConfig(files: string[], context: string | undefined): Promise<ClusterAccess> {
  const clientNode = await import('@kubernetes/client-node')
  const load = () => {
    const merged = new clientNode.KubeConfig()
    for (const file of files) mergeInto(merged, loadFile(clientNode, file))
    if (context !== undefined) merged.setCurrentContext(context)
    return merged
  }
  return new KubeConfigAccess(load, files.join(delimiter))
}

/** client-node's own merge refuses a name that two files have. */
function mergeInto(merged: KubeConfig, next: KubeConfig): void {
  const isNew =
    <T extends { name: string }>(known: T[]) =>
    ({ name }: T) =>
      !known.some((other) => other.name === name)
  merged.clusters = [...merged.clusters, ...next.clusters.filter(isNew(merged.clusters))]
  merged.users = [...merged.users, ...next.users.filter(isNew(merged.users))]
  merged.contexts = [...merged.contexts, ...next.contexts.filter(isNew(merged.contexts))]
  if (!merged.currentContext && next.currentContext) merged.setCurrentContext(next.currentContext)
}

interface RawUser {
  name?: string
  user?: { tokenFile?: string }
}

function loadFile({ KubeConfig, loadYaml }: typeof ClientNode, file: string): KubeConfig {
  try {
    const text = readFileSync(file, 'utf8')
    const config = new KubeConfig()
    config.loadFromString(text)
    config.makePathsAbsolute(dirname(file))
    const { users } = loadYaml<{ users?: RawUser[] }>(text)
    config.users = config.users.map((user) => withTokenFile(user, users ?? [], dirname(file)))
    // `kubectl proxy` and test servers: client-node takes plain http only so.
    config.clusters = config.clusters.map((c) => (c.server.startsWith('http:') ? { ...c, skipTLSVerify: true } : c))
    return config
  } catch (cause) {
    const reason = errorText(cause)
    throw new ClusterAccessError('unreadable', `${file}: expected a kubeconfig: ${reason}`, { cause })
  }
}

/** client-node knows `token-file` only, and reads it once; kubectl's name is `tokenFile`, and the file changes. */
function withTokenFile(user: User, raw: RawUser[], directory: string): User {
  const tokenFile = raw.find(({ name }) => name === user.name)?.user?.tokenFile
  if (tokenFile === undefined) return user
  return { ...user, authProvider: { name: 'tokenFile', config: { tokenFile: resolve(directory, tokenFile) } } }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}
