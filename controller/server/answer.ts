/** What the controller's listener answers with: JSON, or a problem. */
import type { ServerResponse } from 'node:http'
import { problemJson, PROBLEM_TYPE, type Problem } from '../../lib/problem.ts'

/** Does nothing when the answer has begun, as sendJson. */
export function sendProblem(response: ServerResponse, problem: Problem, headers: Record<string, string> = {}): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(problem.status, { 'content-type': PROBLEM_TYPE, ...headers }).end(problemJson(problem))
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}
