/** What is wrong with an object, in the words of the Kubernetes API server, so that a manifest reads the same wherever it is refused. */
import type { z } from 'zod'
import { goValue } from './go-value.ts'
import { INTEGER } from './schema.ts'

export interface Problem {
  /** `spec.env[0].name` */
  path: string
  /** `Invalid value: "1h": timeout must be between 1s and 15m` */
  message: string
}

export const UNKNOWN_FIELD = 'unknown field'

export function required(path: string, detail?: string): Problem {
  return { path, message: detail === undefined ? 'Required value' : `Required value: ${detail}` }
}

/** Objects and lists are not shown: they would bury the sentence. */
export function invalid(path: string, value: unknown, detail: string): Problem {
  const shown = typeof value === 'object' ? 'Invalid value' : `Invalid value: ${goValue(value)}`
  return { path, message: `${shown}: ${detail}` }
}

function wrongType(path: string, value: unknown, expected: string): Problem {
  const actual = `"${jsonType(value)}"`
  return { path, message: `Invalid value: ${actual}: ${path} in body must be of type ${expected}: ${actual}` }
}

/** The sentence kubectl prints for them. `problems` must not be empty. */
export function sentence(
  object: { kind: string; name: string; version: string },
  problems: readonly Problem[],
): string {
  const unknown = problems.filter(({ message }) => message === UNKNOWN_FIELD)
  if (unknown.length > 0) {
    const fields = unknown.map(({ path }) => `unknown field "${path}"`).join(', ')
    return `${object.kind} in version "${object.version}" cannot be handled as a ${object.kind}: strict decoding error: ${fields}`
  }
  const lines = problems.map(({ path, message }) => `${path}: ${message}`)
  const start = `The ${object.kind} ${goValue(object.name)} is invalid: `
  return lines.length === 1 ? start + lines.join('') : `${start}\n${lines.map((line) => `* ${line}`).join('\n')}`
}

function expectedType(issue: z.core.$ZodIssueInvalidType): string {
  if (issue.message === INTEGER) return INTEGER
  return issue.expected === 'record' ? 'object' : issue.expected
}

/** One zod issue (parsed with reportInput) → what the API server would say about it. */
export function problemsOf(issue: z.core.$ZodIssue, root: string): Problem[] {
  const path = pathText(root, issue.path)
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return [required(path)]
      return [wrongType(path, issue.input, expectedType(issue))]
    case 'invalid_value':
      return unsupported(path, issue.input, issue.values)
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path: pathText(path, [key]), message: UNKNOWN_FIELD }))
    case 'too_big':
      return [tooBig(path, issue)]
    case 'custom':
      return [{ path, message: `Duplicate value: ${goValue(issue.params?.['duplicate'])}` }]
    default:
      return [invalid(path, issue.input, issue.message)]
  }
}

/** A value of another type breaks both its type and the list. */
function unsupported(path: string, value: unknown, supported: readonly unknown[]): Problem[] {
  if (value === undefined) return [required(path)]
  const list = supported.map((each) => `"${String(each)}"`).join(', ')
  const notListed = { path, message: `Unsupported value: ${goValue(value)}: supported values: ${list}` }
  return typeof value === 'string' ? [notListed] : [wrongType(path, value, 'string'), notListed]
}

function tooBig(path: string, issue: z.core.$ZodIssueTooBig): Problem {
  const max = String(issue.maximum)
  if (issue.origin === 'string') return { path, message: `Too long: may not be more than ${max} bytes` }
  if (issue.origin === 'array' || issue.origin === 'map') {
    const count = Object.keys(issue.input as object).length
    return { path, message: `Too many: ${count}: must have at most ${max} items` }
  }
  return wrongType(path, issue.input, 'integer')
}

/** `spec`, ['env', 0, 'name'] → `spec.env[0].name` */
export function pathText(root: string, path: readonly PropertyKey[]): string {
  let text = root
  for (const key of path) text += typeof key === 'number' ? `[${key}]` : `${text ? '.' : ''}${String(key)}`
  return text
}

function jsonType(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'integer' : 'number'
  return typeof value
}
