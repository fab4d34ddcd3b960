/** HTTP to a listener. Every failure becomes a CliError with one sentence and the fitting exit code. */
import { parseExactly } from '../../lib/exact-json.ts'
import { CliError } from '../cli-error.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import type { Door } from './door.ts'
import { readLines } from './read-lines.ts'

export interface Transport {
  json: (path: string, init?: RequestInit) => Promise<unknown>
  /** The same for answers that may take long; ends when `signal` aborts. */
  patientJson: (path: string, init: RequestInit & { signal: AbortSignal }) => Promise<unknown>
  /** NDJSON, line by line as it comes; ends quietly when `signal` aborts or the server goes away. */
  stream: (path: string, signal: AbortSignal) => AsyncGenerator<unknown>
}

export function createTransport(door: Door): Transport {
  return {
    json: async (path, init) => jsonOf(await checked(door, door.send(path, init))),
    patientJson: async (path, init) =>
      jsonOf(await checked(door, door.send(path, { ...init, patient: true }), init.signal)),
    async *stream(path, signal) {
      const response = await checked(door, door.send(path, { signal, patient: true }), signal)
      if (!isOfType(response, 'application/x-ndjson')) throw notDormouse(response)
      for await (const line of readLines(response, signal)) yield JSON.parse(line)
    },
  }
}

export const segment = encodeURIComponent

export function search(values: Record<string, string | undefined>): string {
  const given = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`
}

export function post(body: unknown): { method: string; headers: Record<string, string>; body: string } {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

/** The answer, when there is one. `sent`: a request on its way through `door`. */
export async function answered(door: Door, sent: Promise<Response>, signal?: AbortSignal): Promise<Response> {
  return sent.catch((error: unknown) => {
    if (signal?.aborted) throw new CliError(EXIT.interrupted, 'interrupted')
    throw error instanceof CliError ? error : door.unreachable(error)
  })
}

/** The same, when it is a good one. */
export async function checked(door: Door, sent: Promise<Response>, signal?: AbortSignal): Promise<Response> {
  const response = await answered(door, sent, signal)
  if (response.ok) return response
  const problem = await problemOf(response)
  throw problem === undefined ? notDormouse(response) : new CliError(exitCodeOf(response.status), problem)
}

async function jsonOf(response: Response): Promise<unknown> {
  if (!isOfType(response, 'application/json')) throw notDormouse(response)
  return parseExactly(await response.text())
}

const isOfType = ({ headers }: Response, type: string) => headers.get('content-type')?.startsWith(type) === true

/** Others listen on 9090, too: what they say of the path is about no object of ours. */
function notDormouse({ url, status }: Response): CliError {
  return new CliError(EXIT.unreachable, `${url} answered ${status}: is that Dormouse's management address?`)
}

function exitCodeOf(status: number): ExitCode {
  if (status === 400) return EXIT.usage
  if (status === 404) return EXIT.notFound
  return status === 422 ? EXIT.invalidManifest : EXIT.failure
}

/** Undefined when it is no problem document: whoever answers is not Dormouse. */
async function problemOf(response: Response): Promise<string | undefined> {
  const text = await response.text()
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown }
    return typeof detail === 'string' ? detail : undefined
  } catch {
    return undefined
  }
}
