/** `dormouse invoke --async`: hands the event over, and may wait for what comes of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { InvocationInfo } from '../../api/events-api.ts'
import { CliError } from '../cli-error.ts'
import type { EventsClient } from '../client/events-client.ts'
import type { CliContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { failureText, resultBytes } from '../output/invocation.ts'
import { createProgress, type Progress } from '../output/progress.ts'

const FIRST_POLL_MS = 50
const LAST_POLL_MS = 1_000

/** What the gateway called an invocation that it took. Throws CliError when it did not. */
export async function acceptedId(response: Response): Promise<string> {
  if (response.status !== 202) throw await refusal(response)
  return ((await response.json()) as { invocationId: string }).invocationId
}

/** The platform's own problem document as an error of the command. */
export async function refusal(response: Response): Promise<CliError> {
  const { detail, code } = (await response.json().catch(() => ({}))) as { detail?: string; code?: string }
  const exitCode = response.status === 404 ? EXIT.notFound : EXIT.failure
  return new CliError(exitCode, detail ?? code ?? response.statusText)
}

/** Its result on stdout. Throws CliError (functionError) when it failed. */
export async function waitForInvocation(context: CliContext, events: EventsClient, id: string): Promise<void> {
  const { result, failure, status } = await ended(context, events, id)
  if (result !== undefined) context.stdout.write(endingInNewline(resultBytes(result)))
  if (result?.truncated === true) context.stderr.write('dormouse: the result was too long to be kept whole\n')
  if (status === 'failed')
    throw new CliError(EXIT.functionError, `the function failed (${failure ? failureText(failure) : 'unknown'})`)
}

async function ended(context: CliContext, events: EventsClient, id: string): Promise<InvocationInfo> {
  const progress = createProgress(context.stderr)
  return untilEnded({ context, events, id, progress }).finally(() => progress.clear())
}

interface Wait {
  context: CliContext
  events: EventsClient
  id: string
  progress: Progress
}

async function untilEnded({ context, events, id, progress }: Wait): Promise<InvocationInfo> {
  const { signal } = context
  for (let waitMs = FIRST_POLL_MS; ; waitMs = Math.min(waitMs * 1.5, LAST_POLL_MS)) {
    const info = await findInvocation({ events, id, signal, patienceMs: ACCEPTED_PATIENCE_MS })
    if (info.status === 'succeeded' || info.status === 'failed') return info
    progress.show(`${info.function}: ${progressText(info)}`)
    await sleep(waitMs, undefined, { signal }).catch(() => {
      throw new CliError(EXIT.interrupted, `interrupted; it goes on: \`dormouse invocation get ${id}\``)
    })
  }
}

export interface InvocationSearch {
  events: Pick<EventsClient, 'invocation'>
  id: string
  signal: AbortSignal
  patienceMs: number
}

/** One that was just accepted: dispatchers read of it in the log, a little after the gateway wrote it there. */
const ACCEPTED_PATIENCE_MS = 15_000

/** Asks again for a while when nobody knows it. Throws CliError (notFound). */
export async function findInvocation({ events, id, signal, patienceMs }: InvocationSearch): Promise<InvocationInfo> {
  const untilMs = performance.now() + patienceMs
  for (;;) {
    try {
      return await events.invocation(id, signal)
    } catch (error) {
      const isUnknown = error instanceof CliError && error.exitCode === EXIT.notFound
      if (!isUnknown || performance.now() >= untilMs) throw error
      await sleep(LAST_POLL_MS / 4, undefined, { signal }).catch(() => undefined)
    }
  }
}

function progressText({ status, attempts, nextAttemptAt, failure }: InvocationInfo): string {
  switch (status) {
    case 'running':
      return attempts === 1 ? 'running' : `running, attempt ${attempts}`
    case 'retrying':
      return `failed (${failure ? failureText(failure) : 'unknown'}), tried again at ${nextAttemptAt ?? 'once'}`
    default:
      return status
  }
}

function endingInNewline(bytes: Buffer): Buffer {
  return bytes.length === 0 || bytes.at(-1) === 10 ? bytes : Buffer.concat([bytes, Buffer.from('\n')])
}
