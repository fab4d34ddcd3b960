/** How to reach an API server and who we are there; kube-config.ts and in-cluster.ts make them. */
export interface ClusterAccess {
  /** Base URL without a slash at its end; may have a path. */
  readonly server: string
  /** What a command without a namespace means. */
  readonly namespace: string
  /** For messages: `context dev of /home/a/.kube/config`. */
  readonly name: string
  /** Asked before every call; files and plugins behind it are read again when they are due. ClusterAccessError. */
  credentials(): Promise<Credentials>
  /** After the API server has not known us: the next credentials are read anew. */
  refresh(): void
}

export interface Credentials {
  /** `authorization` and impersonation. */
  headers: Record<string, string>
  tls: TlsOptions
  /** An http or https proxy between us and the API server. */
  proxyUrl?: string
}

export interface TlsOptions {
  /** PEM. */
  ca?: string
  cert?: string
  key?: string
  servername?: string
  rejectUnauthorized?: boolean
}

/**
 * `missing`: there is no kubeconfig and this is no pod. `unreadable`: a file that is named cannot be read or parsed. `incomplete`: the context,
 * its cluster or its user does not exist. `credentials`: a token file or plugin failed.
 */
export type ClusterAccessErrorCode = 'missing' | 'unreadable' | 'incomplete' | 'credentials'

/** The way to the cluster is not known, or we cannot say who we are. */
export class ClusterAccessError extends Error {
  override readonly name = 'ClusterAccessError'
  readonly code: ClusterAccessErrorCode

  constructor(code: ClusterAccessErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
