/** Answers that are not what was asked for, as RFC 9457 writes them down. The gateway's own catalogue is routing/problems.ts. */
export interface Problem {
  status: number
  /** Stable, kebab-case, for programs. */
  code: string
  /** One sentence for people: what was expected and what came. */
  message: string
}

export const PROBLEM_TYPE = 'application/problem+json'

export function problemJson({ status, code, message }: Problem): string {
  return JSON.stringify({ type: 'about:blank', title: code, status, code, detail: message })
}
