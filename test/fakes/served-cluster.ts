/**
 * A memory cluster behind HTTP, as an API server shows it: for whole controllers on the adapter that clusters use, with an API that is slow, cut or
 * silent on demand. Keeps only what it is told to serve, and no history before it began.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { FUNCTIONS, RUNTIMES, TRIGGERS } from '../../api/kinds.ts'
import type { KubeObject } from '../../api/object.ts'
import type { ClusterAccess } from '../../kube/client-node/cluster-access.ts'
import { collectionPath } from '../../kube/client-node/resource-paths.ts'
import type { Cache, Kind, ObjectRef } from '../../kube/cluster.ts'
import { ClusterError, type ClusterErrorCode } from '../../kube/errors.ts'
import type { MemoryCluster } from '../../kube/memory/memory-cluster.ts'
import * as builtIn from '../../kube/objects.ts'

const { PODS, SECRETS, SERVICES, LEASES, EVENTS, CONFIG_MAPS, CONTROLLER_REVISIONS } = builtIn
const KINDS = [
  ...[FUNCTIONS, RUNTIMES, TRIGGERS, PODS, SECRETS],
  ...[SERVICES, LEASES, EVENTS, CONFIG_MAPS, CONTROLLER_REVISIONS],
] as unknown as Kind<KubeObject>[]

const STATUS: Record<ClusterErrorCode, number> = {
  ...{ NotFound: 404, AlreadyExists: 409, Conflict: 409, Invalid: 422 },
  ...{ Unauthorized: 401, Forbidden: 403, Unavailable: 503 },
}

interface DeleteOptions {
  preconditions?: { uid?: string; resourceVersion?: string }
  gracePeriodSeconds?: number
}

interface Call {
  kind: Kind<KubeObject>
  method: string
  namespace?: string
  name?: string
  subresource?: string
  query: URLSearchParams
  body: Record<string, unknown>
  contentType: string
}

/** Undefined = the usual answer; `silence`: it is not even done; `lost`: it is done, and nobody hears of it. */
export type Fault = 'silence' | 'reset' | 'lost' | { status: number; text: string } | undefined

export class ServedCluster {
  /** `POST pods` */
  readonly calls: string[] = []
  fault: (call: Call) => Fault = () => undefined
  /** Before each answer. */
  slowMs = 0
  readonly #cluster: MemoryCluster
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #caches: Cache<KubeObject>[] = []
  readonly #history: { type: string; kind: string; object: KubeObject }[] = []
  readonly #watches = new Map<ServerResponse, Call>()
  readonly #silenced = new WeakSet<Socket>()

  constructor(cluster: MemoryCluster) {
    this.#cluster = cluster
    this.#server = createServer((request, response) => void this.#take(request, response))
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  async start(): Promise<this> {
    for (const kind of KINDS) {
      const cache = this.#cluster.cache(kind)
      this.#caches.push(cache)
      await cache.synced
      const tell = (type: string) => (object: KubeObject) => this.#changed({ type, kind: kind.kind, object })
      cache.subscribe({ added: tell('ADDED'), updated: tell('MODIFIED'), deleted: tell('DELETED') })
    }
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  async stop(): Promise<void> {
    this.#caches.forEach((cache) => cache.stop())
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.cut()
    await closed
  }

  access(): ClusterAccess {
    const { port } = this.#server.address() as AddressInfo
    return {
      ...{ server: `http://127.0.0.1:${port}`, namespace: 'default', name: 'served' },
      credentials: async () => ({ headers: {}, tls: {} }),
      refresh: () => undefined,
    }
  }

  /** Every connection is closed; new ones are answered. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** As of a machine that is gone: nobody hears of it. New connections are answered. */
  silence(): void {
    for (const socket of this.#sockets) this.#silenced.add(socket)
    this.#watches.clear()
  }

  #changed(event: { type: string; kind: string; object: KubeObject }): void {
    this.#history.push(event)
    for (const [response, call] of this.#watches) if (isSeen(event, call)) response.write(lineOf(event))
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = await callOf(request)
    if (call === undefined)
      return send(response, 404, { kind: 'Status', code: 404, reason: 'NotFound', message: request.url })
    this.calls.push(`${call.query.get('watch') === 'true' ? 'WATCH' : call.method} ${call.kind.plural}`)
    const fault = this.fault(call)
    if (fault === 'silence' || this.#silenced.has(request.socket)) return
    if (fault === 'reset') return void request.socket.destroy()
    if (typeof fault === 'object')
      return void response.writeHead(fault.status, { 'content-type': 'text/html' }).end(fault.text)
    if (call.query.get('watch') === 'true') return this.#watch(call, response)
    const { status, body } = await this.#answer(call)
    if (fault === 'lost') return void request.socket.destroy()
    if (this.slowMs > 0) await delay(this.slowMs)
    if (!this.#silenced.has(request.socket)) send(response, status, body)
  }

  async #answer(call: Call): Promise<{ status: number; body: unknown }> {
    try {
      return { status: 200, body: await this.#done(call) }
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error
      const code = STATUS[error.code]
      return { status: code, body: { kind: 'Status', code, reason: error.code, message: error.message } }
    }
  }

  async #done({ kind, method, namespace, name, subresource, query, body, contentType }: Call): Promise<unknown> {
    const cluster = this.#cluster
    const ref = { ...(namespace !== undefined && { namespace }), name: name ?? '' }
    if (method === 'POST') return cluster.create(kind, body as never)
    if (method === 'GET' && name === undefined) return this.#list({ kind, namespace, query } as Call)
    if (method === 'GET') {
      const found = await cluster.get(kind, ref)
      if (found) return found
      throw new ClusterError('NotFound', `${kind.plural} "${ref.name}" not found`)
    }
    if (method === 'DELETE') return this.#deleted(kind, ref, body)
    return this.#patched({ kind, subresource, body, contentType }, ref)
  }

  async #deleted(kind: Kind<KubeObject>, ref: ObjectRef, body: DeleteOptions): Promise<object> {
    const { preconditions = {}, gracePeriodSeconds } = body
    await this.#cluster.delete(kind, ref, {
      ...preconditions,
      ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    })
    return { kind: 'Status', status: 'Success' }
  }

  #patched(call: Pick<Call, 'kind' | 'body' | 'contentType'> & { subresource: string | undefined }, ref: ObjectRef) {
    const { kind, subresource, body, contentType } = call
    const resourceVersion = (body['metadata'] as { resourceVersion?: string } | undefined)?.resourceVersion
    const options = resourceVersion === undefined ? {} : { resourceVersion }
    if (contentType.includes('apply')) return this.#cluster.apply(kind, body as never)
    if (subresource === 'status') return this.#cluster.patchStatus(kind, ref, body['status'] as object, options)
    if (subresource === 'resize') return this.#cluster.patchSubresource(kind, ref, 'resize', body)
    return this.#cluster.patch(kind, ref, body, options)
  }

  /** Read in one step: nothing comes between the objects and their version. */
  #list({ kind, namespace, query }: Call): object {
    const cache = this.#caches[KINDS.indexOf(kind)]
    const items = cache?.list({ ...(namespace !== undefined && { namespace }), labels: labelsOf(query) }) ?? []
    const newest = this.#history.at(-1)?.object.metadata.resourceVersion ?? '0'
    return { kind: `${kind.kind}List`, metadata: { resourceVersion: newest }, items }
  }

  #watch(call: Call, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    this.#watches.set(response, call)
    response.on('close', () => this.#watches.delete(response))
    const from = Number(call.query.get('resourceVersion'))
    for (const event of this.#history)
      if (Number(event.object.metadata.resourceVersion) > from && isSeen(event, call)) response.write(lineOf(event))
  }
}

function labelsOf(query: URLSearchParams): Record<string, string> {
  const pairs = (query.get('labelSelector') ?? '').split(',').filter((pair) => pair !== '')
  return Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string]))
}

/** Labels never leave an object that has them here. */
function isSeen({ kind, object }: { kind: string; object: KubeObject }, call: Call): boolean {
  const isOfNamespace = call.namespace === undefined || call.namespace === object.metadata.namespace
  const labels = Object.entries(labelsOf(call.query))
  return (
    kind === call.kind.kind &&
    isOfNamespace &&
    labels.every(([name, value]) => object.metadata.labels?.[name] === value)
  )
}

const lineOf = ({ type, object }: { type: string; object: KubeObject }) => `${JSON.stringify({ type, object })}\n`

async function callOf(request: IncomingMessage): Promise<Call | undefined> {
  const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://any')
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
  const shared = { query, body, method: request.method ?? '', contentType: request.headers['content-type'] ?? '' }
  for (const kind of KINDS) {
    const root = collectionPath(kind, undefined).slice(0, -kind.plural.length)
    const pattern = new RegExp(`^${root}(?:namespaces/([^/]+)/)?${kind.plural}(?:/([^/]+))?(?:/([^/]+))?$`)
    const [, namespace, name, subresource] = pattern.exec(pathname) ?? [null]
    if (pattern.test(pathname))
      return {
        ...shared,
        kind,
        ...(namespace && { namespace }),
        ...(name && { name }),
        ...(subresource && { subresource }),
      }
  }
  return undefined
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
