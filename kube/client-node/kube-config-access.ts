/** What a kubeconfig says, as ClusterAccess. */
import type { RequestOptions } from 'node:https'
import type { Cluster, KubeConfig } from '@kubernetes/client-node'
import { ClusterAccessError, type ClusterAccess, type Credentials, type TlsOptions } from './cluster-access.ts'

/** A plugin may have to ask its user something, but not for ever. */
const LONGEST_LOGIN_MS = 60_000

export class KubeConfigAccess implements ClusterAccess {
  readonly server: string
  readonly namespace: string
  readonly name: string
  readonly #load: () => KubeConfig
  #config: KubeConfig
  #isStale = false
  /** Calls that start together share one run of a plugin. */
  #pending: Promise<Credentials> | undefined

  /** `load` reads the files anew. */
  constructor(load: () => KubeConfig, files: string) {
    this.#load = load
    this.#config = load()
    const { cluster, namespace } = currentOf(this.#config, files)
    this.server = cluster.server.replace(/\/+$/, '')
    this.namespace = namespace
    this.name = `context ${this.#config.getCurrentContext()} of ${files}`
  }

  credentials(): Promise<Credentials> {
    this.#pending ??= this.#read().finally(() => (this.#pending = undefined))
    return this.#pending
  }

  refresh(): void {
    this.#isStale = true
  }

  async #read(): Promise<Credentials> {
    try {
      // A new KubeConfig has none of the tokens that the old one keeps of plugins and files.
      if (this.#isStale) this.#config = this.#load()
      this.#isStale = false
      const options: RequestOptions = { headers: {} }
      await within(LONGEST_LOGIN_MS, this.#config.applyToHTTPSOptions(options))
      const proxyUrl = this.#config.getCurrentCluster()?.proxyUrl
      return { headers: headersOf(options), tls: tlsOf(options), ...(proxyUrl && { proxyUrl }) }
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message.trim() : String(cause)
      throw new ClusterAccessError('credentials', `${this.name}: no credentials: ${reason}`, { cause })
    }
  }
}

function currentOf(config: KubeConfig, files: string): { cluster: Cluster; namespace: string } {
  const incomplete = (what: string) => new ClusterAccessError('incomplete', `${files}: ${what}`)
  const name = config.getCurrentContext()
  if (!name) throw incomplete('expected a current context, or one to be named')
  const context = config.getContexts().find((other) => other.name === name)
  if (!context) {
    const known = config.getContexts().map((other) => other.name)
    throw incomplete(`there is no context ${name}, only ${known.join(', ') || 'none'}`)
  }
  const cluster = config.getCluster(context.cluster)
  if (!cluster?.server) throw incomplete(`the context ${name} names the cluster ${context.cluster}, which is not there`)
  return { cluster, namespace: context.namespace ?? 'default' }
}

function headersOf({ headers = {}, auth }: RequestOptions): Record<string, string> {
  const named = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)] as const)
  const basic = auth == null ? {} : { authorization: `Basic ${Buffer.from(auth).toString('base64')}` }
  return { ...Object.fromEntries<string>(named), ...basic }
}

/** Text, so that two of them can be compared. */
function tlsOf(options: RequestOptions): TlsOptions {
  const pem = (['ca', 'cert', 'key'] as const).flatMap((field) => {
    const value = options[field]
    return typeof value === 'string' || Buffer.isBuffer(value) ? [[field, value.toString()] as const] : []
  })
  return {
    ...Object.fromEntries<string>(pem),
    ...(options.servername !== undefined && { servername: options.servername }),
    ...(options.rejectUnauthorized !== undefined && { rejectUnauthorized: options.rejectUnauthorized }),
  }
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`nothing came within ${limitMs} ms`)), limitMs)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
