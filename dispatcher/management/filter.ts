/** What operators ask for, checked. Pure; every mistake is one sentence. */
import { z } from 'zod'
import type { DeadLetterFilter } from '../../events/replay/dead-letters.ts'
import { isErrorClass } from '../../events/record-headers.ts'

const filterSchema = z.strictObject({
  id: z.string().optional(),
  class: z.string().optional(),
  since: z.string().optional(),
  until: z.string().optional(),
  key: z.string().optional(),
  origin: z.string().optional(),
})

export const moveSchema = z.strictObject({
  filter: filterSchema.default({}),
  ratePerSecond: z.number().positive().max(10_000).optional(),
  dryRun: z.boolean().optional(),
  again: z.boolean().optional(),
})

/** A request that cannot be answered as it is. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** Throws RequestError 400. */
export function parseFilter(input: z.infer<typeof filterSchema>): DeadLetterFilter {
  const { id, class: errorClass, since, until, key, origin } = input
  if (errorClass !== undefined && !isErrorClass(errorClass))
    throw new RequestError(400, 'bad-request', `class: there is no class of errors ${JSON.stringify(errorClass)}`)
  return {
    ...(id !== undefined && { id }),
    ...(errorClass !== undefined && { class: errorClass }),
    ...(since !== undefined && { sinceMs: timeOf('since', since) }),
    ...(until !== undefined && { untilMs: timeOf('until', until) }),
    ...(key !== undefined && { key }),
    ...(origin !== undefined && { origin }),
  }
}

function timeOf(name: string, text: string): number {
  const epochMs = Date.parse(text)
  if (!Number.isNaN(epochMs)) return epochMs
  throw new RequestError(400, 'bad-request', `${name}: expected a time such as 2026-01-31T12:00:00Z, got ${text}`)
}

/** Throws RequestError 400. */
export function parseBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const parsed = schema.safeParse(body ?? {})
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new RequestError(400, 'bad-request', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not as expected'}`)
}

/** Throws RequestError 400. */
export function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  const value = Number(text)
  if (Number.isInteger(value) && value >= 0 && value <= 100_000) return value
  throw new RequestError(400, 'bad-request', `${name}: expected a number from 0 to 100000, got ${text}`)
}
