/** HTTP to a management listener. Every failure becomes a CliError with one sentence and the fitting exit code. */
import { CliError } from '../cli-error.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { patientFetch } from './patient-fetch.ts'
import { readLines } from './read-lines.ts'

export interface Transport {
  readonly server: string
  json: (path: string, init?: RequestInit) => Promise<unknown>
  /** The same for answers that may take long; ends when `signal` aborts. */
  patientJson: (path: string, init: RequestInit & { signal: AbortSignal }) => Promise<unknown>
  /** NDJSON, line by line as it comes; ends quietly when `signal` aborts or the server goes away. */
  stream: (path: string, signal: AbortSignal) => AsyncGenerator<unknown>
}

export function createTransport(server: string): Transport {
  return {
    server,
    json: async (path, init) => (await checked(fetch(`${server}${path}`, init), server)).json(),
    patientJson: async (path, init) =>
      (await checked(patientFetch(`${server}${path}`, init), server, init.signal)).json(),
    async *stream(path, signal) {
      const response = await checked(patientFetch(`${server}${path}`, { signal }), server, signal)
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

/** The answer, when it is a good one. `sent`: a request on its way to `server`. */
export async function checked(sent: Promise<Response>, server: string, signal?: AbortSignal): Promise<Response> {
  const response = await sent.catch((error: unknown) => {
    if (signal?.aborted) throw new CliError(EXIT.interrupted, 'interrupted')
    throw unreachable(server, error)
  })
  if (response.ok) return response
  const problem = await problemOf(response)
  throw new CliError(exitCodeOf(response.status), problem)
}

export function unreachable(server: string, cause: unknown): CliError {
  const message = `no running Dormouse answers at ${server}: start one with \`dormouse dev\`, or name another with --server`
  return new CliError(EXIT.unreachable, message, { cause })
}

function exitCodeOf(status: number): ExitCode {
  if (status === 400) return EXIT.usage
  if (status === 404) return EXIT.notFound
  return status === 422 ? EXIT.invalidManifest : EXIT.failure
}

async function problemOf(response: Response): Promise<string> {
  const text = await response.text()
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown }
    if (typeof detail === 'string') return detail
  } catch {
    // Not a problem document: whoever answers is not Dormouse.
  }
  return `${response.url} answered ${response.status}: is that Dormouse's management address?`
}
