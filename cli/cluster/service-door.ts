/**
 * A Service of the platform, reached through the API server's proxy: no port of ours, no connection to a pod, only `services/proxy`. Headers,
 * statuses and streams come through; but the API server rewrites HTML and Location and drops CORS headers (ADR 0034), so what a
 * function of signature http answers goes another way.
 */
import { HEADER } from '../../api/names.ts'
import type { RawApi } from '../../kube/client-node/raw-api.ts'
import { CliError } from '../cli-error.ts'
import type { Door } from '../client/door.ts'
import { EXIT } from '../exit-codes.ts'
import type { ServicePlace } from './installation.ts'

export interface ServiceDoorOptions {
  api: RawApi
  /** For messages: which cluster. */
  cluster: string
  place: ServicePlace
}

export function serviceDoor({ api, cluster, place }: ServiceDoorOptions): Door {
  const { namespace, service, port } = place
  const root = `/api/v1/namespaces/${namespace}/services/${service}:${port}/proxy`
  return {
    async send(path, { patient: _, ...init } = {}) {
      const response = await api.request(`${root}${path}`, init)
      return response.ok ? response : refusedByApiServer(response, place)
    },
    unreachable: (cause) => new CliError(EXIT.unreachable, `${cluster} does not answer: ${reasonOf(cause)}`, { cause }),
  }
}

/** fetch says only that it failed; why is in the cause. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.cause instanceof Error) return reasonOf(error.cause)
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join(', ')
  return error.message
}

/** The answer, with its body unread, when it is Dormouse's; throws CliError when the API server has not let us through. */
async function refusedByApiServer(response: Response, place: ServicePlace): Promise<Response> {
  const type = response.headers.get('content-type') ?? ''
  if (response.headers.has(HEADER.requestId) || !type.startsWith('application/json')) return response
  const text = await response.text()
  const message = statusMessage(text)
  if (message === undefined) return new Response(text, response)
  throw refusal(response.status, message, place)
}

function refusal(status: number, message: string, { namespace, service }: ServicePlace): CliError {
  const where = `${namespace}/${service}`
  if (status === 401 || status === 403) return new CliError(EXIT.failure, message)
  if (status === 404) return new CliError(EXIT.unreachable, `there is no Service ${where}: ${message}`)
  return new CliError(EXIT.unreachable, `no pod of Service ${where} answers: ${message}; see \`dormouse doctor\``)
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
