/** What keeps a command from a cluster, as one sentence with the fitting exit code. */
import { ClusterError } from '../../kube/errors.ts'
import { CliError } from '../cli-error.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'

const EXIT_CODES: Partial<Record<ClusterError['code'], ExitCode>> = {
  NotFound: EXIT.notFound,
  Invalid: EXIT.invalidManifest,
  Unauthorized: EXIT.unreachable,
  Unavailable: EXIT.unreachable,
}

/** `name`: how sentences name the cluster. Errors that are no refusal of its pass as they are. */
export function clusterRefusal(error: unknown, name: string): unknown {
  if (!(error instanceof ClusterError)) return error
  const { code, message } = error
  if (isUnknownKind(error)) return new CliError(EXIT.unreachable, unknownKind(name), { cause: error })
  const text = code === 'Unavailable' || code === 'Unauthorized' ? `${name}: ${message}` : message
  return new CliError(EXIT_CODES[code] ?? EXIT.failure, text, { cause: error })
}

/** The API server has no such path; of a missing object it says which. */
export function isUnknownKind({ code, message }: ClusterError): boolean {
  return code === 'NotFound' && /404 page not found|could not find the requested resource/.test(message)
}

export function unknownKind(name: string): string {
  return `Dormouse is not installed in ${name}: its API server does not know Functions; install it with \`dormouse install\``
}

/** What a `Status` of the API server's own says; undefined for anything else. */
export function statusMessage(text: string): string | undefined {
  try {
    const body = JSON.parse(text) as { kind?: unknown; apiVersion?: unknown; message?: unknown } | null
    const isStatus = body?.kind === 'Status' && body.apiVersion === 'v1' && typeof body.message === 'string'
    return isStatus ? (body.message as string) : undefined
  } catch {
    return undefined
  }
}
