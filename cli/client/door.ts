/** How requests reach one listener of a running Dormouse: straight, through an API server, or through a forwarded port. */
import { CliError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import { patientFetch } from './patient-fetch.ts'

export type DoorRequest = RequestInit & {
  /** The answer may take long, or come in pieces over hours. */
  patient?: boolean
}

export interface Door {
  /** Any status of Dormouse's is an answer. Rejects with CliError where the way is barred, with anything else where nobody answers. */
  send(path: string, request?: DoorRequest): Promise<Response>
  /** The sentence for when nobody answers. */
  unreachable(cause: unknown): CliError
}

/** Of a listener that this machine reaches. `server`: its base URL. */
export function instanceDoor(server: string): Door {
  return {
    send: (path, { patient = false, ...init } = {}) => (patient ? patientFetch : fetch)(`${server}${path}`, init),
    unreachable: (cause) => unreachable(server, cause),
  }
}

function unreachable(server: string, cause: unknown): CliError {
  const start = 'start one with `dormouse dev`, or name another with --server, or a cluster with --context'
  return new CliError(EXIT.unreachable, `no running Dormouse answers at ${server}: ${start}`, { cause })
}
