/** One asynchronous invocation for human eyes. Pure. */
import type { InvocationInfo } from '../../api/events-api.ts'
import { formatAge } from './age.ts'
import { visible } from './visible.ts'

type Result = NonNullable<InvocationInfo['result']>

export function describeInvocation(info: InvocationInfo, nowMs: number): string {
  const { failure, result } = info
  const time = (text: string) => {
    const ms = nowMs - Date.parse(text)
    return ms >= 0 ? `${text} (${formatAge(ms)} ago)` : `${text} (in ${formatAge(-ms)})`
  }
  const rows: [string, string | undefined][] = [
    ['Invocation:', info.id],
    ['Function:', info.function],
    ['Status:', info.status],
    ['Attempts:', String(info.attempts)],
    ['Accepted:', time(info.acceptedAt)],
    ['Next attempt:', info.nextAttemptAt && time(info.nextAttemptAt)],
    ['Finished:', info.finishedAt && time(info.finishedAt)],
    ['Failure:', failure && failureText(failure)],
    ['Destination:', info.destinationFailure],
    ['Result:', result && resultText(result)],
  ]
  const shown = rows.filter(([, value]) => value !== undefined)
  return visible(`${shown.map(([name, value]) => `${name.padEnd(14)}${value ?? ''}`).join('\n')}\n`)
}

export function failureText({ class: errorClass, message }: NonNullable<InvocationInfo['failure']>): string {
  return message === '' ? errorClass : `${errorClass}: ${message}`
}

/** The function's answer, as far as it was kept. */
export function resultBytes({ body }: Result): Buffer {
  if (body === null) return Buffer.alloc(0)
  if ('json' in body) return Buffer.from(JSON.stringify(body.json))
  return 'text' in body ? Buffer.from(body.text) : Buffer.from(body.base64, 'base64')
}

function resultText({ body, truncated }: Result): string {
  const text = body !== null && 'base64' in body ? `base64:${body.base64}` : resultBytes({ body } as Result).toString()
  return truncated ? `${text} (cut)` : text
}
