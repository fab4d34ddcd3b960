/** Speaks the local API (local/api/routes.ts). Every failure becomes a CliError with one sentence and the fitting exit code. */
import type { KubeObject } from '../../api/object.ts'
import type { ApplyResult } from '../../local/api/apply.ts'
import type { LocalInstance } from '../../local/api/routes.ts'
import type { ClusterEvent } from '../../kube/objects.ts'
import { CliError } from '../cli-error.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { patientFetch } from './patient-fetch.ts'
import { readLines } from './read-lines.ts'

export interface ObjectQuery {
  plural: string
  name?: string
  /** Absent = all namespaces, where there is no name. */
  namespace?: string
}

export interface WatchChange {
  type: 'added' | 'updated' | 'deleted'
  object: KubeObject
}

export interface LogEntry {
  pod: string
  stream: 'stdout' | 'stderr'
  text: string
}

export interface LogQuery {
  namespace: string
  name: string
  tail?: number
  follow?: boolean
}

export interface ApiClient {
  readonly server: string
  instance(): Promise<LocalInstance>
  apply(manifests: readonly unknown[]): Promise<ApplyResult[]>
  list(query: ObjectQuery): Promise<KubeObject[]>
  get(query: ObjectQuery & { name: string }): Promise<KubeObject>
  delete(query: ObjectQuery & { name: string }): Promise<void>
  events(query: { namespace: string; kind: string; name: string }): Promise<ClusterEvent[]>
  /** What is there as `added`, then changes, until `signal` aborts or the server ends. */
  watch(query: ObjectQuery, signal: AbortSignal): AsyncIterable<WatchChange>
  logs(query: LogQuery, signal: AbortSignal): AsyncIterable<LogEntry>
}

export function createApiClient(server: string): ApiClient {
  const ask = (path: string, init?: RequestInit) => checked(fetch(`${server}${path}`, init), server)
  const json = async (path: string, init?: RequestInit) => (await ask(path, init)).json()
  async function* stream(path: string, signal: AbortSignal): AsyncGenerator<unknown> {
    const response = await checked(patientFetch(`${server}${path}`, { signal }), server, signal)
    for await (const line of readLines(response, signal)) yield JSON.parse(line)
  }
  return {
    server,
    instance: async () => (await json('/api/v1/instance')) as LocalInstance,
    apply: async (manifests) =>
      ((await json('/api/v1/apply', post({ manifests }))) as { results: ApplyResult[] }).results,
    list: async (query) => ((await json(objectsPath(query))) as { items: KubeObject[] }).items,
    get: async (query) => (await json(objectsPath(query))) as KubeObject,
    delete: async (query) => void (await json(objectsPath(query), { method: 'DELETE' })),
    events: async ({ namespace, kind, name }) => {
      const path = `/api/v1/events/${segment(namespace)}${search({ kind, name })}`
      return ((await json(path)) as { items: ClusterEvent[] }).items
    },
    watch: ({ plural, name, namespace }, signal) =>
      stream(`/api/v1/watch/${plural}${search({ name, namespace })}`, signal) as AsyncIterable<WatchChange>,
    logs: ({ namespace, name, tail, follow }, signal) => {
      const query = search({ tail: tail?.toString(), follow: follow === true ? 'true' : undefined })
      return stream(`/api/v1/logs/${segment(namespace)}/${segment(name)}${query}`, signal) as AsyncIterable<LogEntry>
    },
  }
}

const segment = encodeURIComponent

function objectsPath({ plural, name, namespace }: ObjectQuery): string {
  return `/api/v1/objects/${plural}${name === undefined ? '' : `/${segment(name)}`}${search({ namespace })}`
}

function search(values: Record<string, string | undefined>): string {
  const given = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`
}

function post(body: unknown): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

/** `sent`: a request on its way to `server`. */
async function checked(sent: Promise<Response>, server: string, signal?: AbortSignal): Promise<Response> {
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
