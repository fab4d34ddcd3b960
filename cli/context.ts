/** Everything a command gets from the process it runs in; main.ts makes the real one. */

export interface OutputStream {
  /** False: more than the reader takes at once is held for it; `drain` tells when it is not any more. */
  write(text: string | Uint8Array): unknown
  once?(event: 'drain', listener: () => void): unknown
  /** Bytes that are held. */
  readonly writableLength?: number
  readonly isTTY?: boolean
  readonly columns?: number
}

export interface CliContext {
  cwd: string
  /** The environment of this process. */
  environment: Readonly<Record<string, string | undefined>>
  stdout: OutputStream
  stderr: OutputStream
  /** The bytes as they came: bodies of calls need not be text. */
  readStdin: () => Promise<Buffer<ArrayBuffer>>
  /** Absent when standard input is no terminal: there is nobody to ask. */
  ask?: (question: string) => Promise<string>
  /** Aborts on Ctrl-C and SIGTERM. */
  signal: AbortSignal
  /** Epoch milliseconds. */
  now: () => number
}

/** Options of every command that speaks to a running Dormouse. */
export interface ServerOptions {
  server?: string
  stateDir?: string
  kubeconfig?: string
  context?: string
  systemNamespace?: string
}
