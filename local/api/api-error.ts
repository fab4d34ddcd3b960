/** What the local API refuses, and the one table from errors to answers. */
import { ClusterError, type ClusterErrorCode } from '../../kube/errors.ts'
import type { Route, RouteAnswer, RouteRequest } from '../../lib/management-server.ts'
import type { Problem } from '../../lib/problem.ts'
import { errorText } from '../../lib/error-text.ts'

/** A request the API cannot answer; becomes problem+json. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

const CLUSTER_STATUS: Record<ClusterErrorCode, [status: number, code: string]> = {
  NotFound: [404, 'not-found'],
  AlreadyExists: [409, 'already-exists'],
  Conflict: [409, 'conflict'],
  Invalid: [422, 'invalid'],
  Unauthorized: [401, 'unauthorized'],
  Forbidden: [403, 'forbidden'],
  Unavailable: [503, 'unavailable'],
}

export function toProblem(error: unknown): Problem {
  const message = errorText(error)
  if (error instanceof ApiError) return { status: error.status, code: error.code, message }
  if (error instanceof ClusterError) {
    const [status, code] = CLUSTER_STATUS[error.code]
    return { status, code, message }
  }
  return { status: 500, code: 'internal', message }
}

/** The route with its errors told as problem+json, whatever listener it is mounted on. */
export function withProblems(route: Route): Route {
  return {
    ...route,
    async handle(request: RouteRequest): Promise<RouteAnswer> {
      try {
        return await route.handle(request)
      } catch (error) {
        return { problem: toProblem(error) }
      }
    },
  }
}
