/**
 * Access from within a pod. Ours and not client-node's: importing that costs a controller 40 to 85 MB and up to a second of start, and its token is
 * up to a minute old (ADR 0026).
 */
import { readFileSync, statSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import type { Environment } from '../../lib/environment.ts'
import { ClusterAccessError, type ClusterAccess } from './cluster-access.ts'
import { errorText } from '../../lib/error-text.ts'

export interface InClusterOptions {
  env: Environment
  /** Where the kubelet puts token, CA and namespace. */
  directory?: string
  /** Epoch milliseconds. */
  now?: () => number
}

const SERVICE_ACCOUNT_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount'
/** The kubelet renews a token long before it expires, and the CA at any time. */
const READ_EVERY_MS = 10_000

/** Undefined when this process is in no pod, or in one without a service-account token. */
export function inClusterAccess(options: InClusterOptions): ClusterAccess | undefined {
  const { env, directory = SERVICE_ACCOUNT_DIRECTORY, now = Date.now } = options
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env
  if (host === undefined || host === '' || !exists(join(directory, 'token'))) return undefined
  const token = new FreshFile(join(directory, 'token'), now)
  const ca = new FreshFile(join(directory, 'ca.crt'), now)
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    namespace: readNamespace(directory),
    name: 'the service account of this pod',
    credentials: async () => ({ headers: { authorization: `Bearer ${token.text().trim()}` }, tls: { ca: ca.text() } }),
    refresh: () => {
      token.expire()
      ca.expire()
    },
  }
}

/** A file's text, not older than READ_EVERY_MS; while the file cannot be read, what it was. */
class FreshFile {
  readonly #path: string
  readonly #now: () => number
  #text: string | undefined
  #readMs = -Infinity

  constructor(path: string, now: () => number) {
    this.#path = path
    this.#now = now
  }

  text(): string {
    const nowMs = this.#now()
    // A clock that was set back must not make it last.
    const isFresh = Math.abs(nowMs - this.#readMs) < READ_EVERY_MS
    if (this.#text !== undefined && isFresh) return this.#text
    this.#text = this.#read()
    this.#readMs = nowMs
    return this.#text
  }

  expire(): void {
    this.#readMs = -Infinity
  }

  #read(): string {
    try {
      const text = readFileSync(this.#path, 'utf8')
      if (text.trim() !== '') return text
      throw new Error('it is empty')
    } catch (cause) {
      // The kubelet swaps a link: for a moment there may be nothing.
      if (this.#text !== undefined) return this.#text
      const reason = errorText(cause)
      throw new ClusterAccessError('credentials', `${this.#path} could not be read: ${reason}`, { cause })
    }
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

function readNamespace(directory: string): string {
  const path = join(directory, 'namespace')
  return exists(path) ? readFileSync(path, 'utf8').trim() : 'default'
}
