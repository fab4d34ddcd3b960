/**
 * A small API server over real TLS and HTTP, for what a real one does not do on demand: endings, errors, silence, load. Knows the Secrets of one
 * namespace; anything can be answered otherwise by `script`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { KubeObject } from '../../api/object.ts'
import type { ClusterAccess } from '../../kube/client-node/cluster-access.ts'
import type { Authority } from '../builders/certificates.ts'

export interface SeenRequest {
  method: string
  path: string
  query: URLSearchParams
  headers: IncomingMessage['headers']
  /** Of the client's certificate; undefined: it has shown none. */
  clientName: string | undefined
  body: string
}

export interface ScriptedAnswer {
  status: number
  body?: unknown
  /** In place of a body as JSON. */
  text?: string
  headers?: Record<string, string>
}

/** Undefined = the usual answer; `silence` = none; `reset` = the connection is cut. */
export type Script = (request: SeenRequest) => ScriptedAnswer | 'silence' | 'reset' | undefined

export class FakeApiServer {
  readonly requests: SeenRequest[] = []
  connections = 0
  script: Script = () => undefined
  readonly #objects = new Map<string, KubeObject>()
  readonly #history: { type: string; object: KubeObject }[] = []
  /** And from which version on. */
  readonly #watches = new Map<ServerResponse, number>()
  readonly #sockets = new Set<Socket>()
  readonly #silenced = new WeakSet<Socket>()
  readonly #server: Server
  readonly #ca: string
  #version = 100
  #port = 0
  #backup: { version: number; objects: [string, KubeObject][] } | undefined

  private constructor({ ca, server }: Authority) {
    this.#ca = ca
    this.#server = createServer(
      { ...server, ca, requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        void this.#take(request, response)
      },
    )
    // As a real one does.
    this.#server.keepAliveTimeout = 90_000
    this.#server.on('connection', () => (this.connections += 1))
    this.#server.on('secureConnection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  static async start(authority: Authority): Promise<FakeApiServer> {
    const fake = new FakeApiServer(authority)
    await fake.listen(0)
    return fake
  }

  listen(port = this.port): Promise<void> {
    return new Promise((resolve) => this.#server.listen(port, '127.0.0.1', resolve))
  }

  /** Cuts every connection, too. `listen` brings it back. */
  async stop(): Promise<void> {
    this.#port = this.port
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.cutConnections()
    await closed
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? this.#port
  }

  access(credentials: { headers?: Record<string, string>; refresh?: () => void } = {}): ClusterAccess {
    return {
      ...{ server: `https://127.0.0.1:${this.port}`, namespace: 'n', name: 'fake' },
      credentials: async () => ({ headers: credentials.headers ?? {}, tls: { ca: this.#ca } }),
      refresh: () => credentials.refresh?.(),
    }
  }

  /** A new certificate for connections from now on. */
  rotate({ server, ca }: Authority): void {
    this.#server.setSecureContext({ ...server, ca })
    this.cutConnections()
  }

  get watches(): number {
    return this.#watches.size
  }

  /** The newest resourceVersion. */
  get version(): string {
    return String(this.#version)
  }

  count(verb: 'list' | 'watch'): number {
    const isWatch = ({ query }: SeenRequest) => query.get('watch') === 'true'
    return this.requests.filter(
      (r) => r.method === 'GET' && r.path.endsWith('/secrets') && isWatch(r) === (verb === 'watch'),
    ).length
  }

  put(name: string, fields: object = {}, metadata: object = {}): void {
    this.#version += 1
    const old = this.#objects.get(name)
    const uid = old?.metadata.uid ?? `uid-${name}-${this.#version}`
    const times = { creationTimestamp: '2026-01-01T00:00:00Z' }
    const managedFields = [{ manager: 'kubectl', operation: 'Update', fieldsV1: { 'f:data': {} } }]
    const meta = { name, namespace: 'n', uid, resourceVersion: this.version, ...times, managedFields, ...metadata }
    const object = { apiVersion: 'v1', kind: 'Secret', metadata: meta, ...fields } as KubeObject
    this.#objects.set(name, object)
    this.#tell(old ? 'MODIFIED' : 'ADDED', object)
  }

  remove(name: string): void {
    const old = this.#objects.get(name)
    if (!old) return
    this.#version += 1
    this.#objects.delete(name)
    this.#tell('DELETED', { ...old, metadata: { ...old.metadata, resourceVersion: this.version } })
  }

  backUp(): void {
    this.#backup = { version: this.#version, objects: [...this.#objects] }
  }

  /** As after `etcdctl snapshot restore`: everything is as it was, resourceVersions count on from there, and the API server has to be started anew. */
  restore(): void {
    if (!this.#backup) throw new Error('expected a backup')
    this.#version = this.#backup.version
    this.#objects.clear()
    this.#backup.objects.forEach(([name, object]) => this.#objects.set(name, object))
    this.#history.length = 0
    this.cutConnections()
  }

  /** Raw text to everybody who watches. */
  say(text: string | Uint8Array): void {
    for (const watch of this.#watches.keys()) watch.write(text)
  }

  bookmark(resourceVersion: string): void {
    const object = { apiVersion: 'v1', kind: 'Secret', metadata: { resourceVersion } }
    this.say(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`)
  }

  endWatches(): void {
    for (const watch of this.#watches.keys()) watch.end()
    this.#watches.clear()
  }

  /** As of a machine that is gone: nobody hears of it. New connections are answered. */
  silenceConnections(): void {
    for (const socket of this.#sockets) this.#silenced.add(socket)
    this.#watches.clear()
  }

  cutConnections(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #tell(type: string, object: KubeObject): void {
    this.#history.push({ type, object })
    // Who asked from a later version hears nothing until it is passed (cacheWatcher.process of k8s.io/apiserver).
    for (const [watch, from] of this.#watches)
      if (this.#version > from) watch.write(`${JSON.stringify({ type, object })}\n`)
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://any')
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const certificate = (request.socket as TLSSocket).getPeerCertificate()
    const seen: SeenRequest = {
      method: request.method ?? '',
      path: pathname,
      query: searchParams,
      headers: request.headers,
      clientName: certificate?.subject?.CN as string | undefined,
      body: Buffer.concat(chunks).toString(),
    }
    this.requests.push(seen)
    const scripted = this.script(seen)
    if (scripted === 'silence' || this.#silenced.has(request.socket)) return
    if (scripted === 'reset') return void request.socket.destroy()
    if (scripted) return send(response, scripted)
    if (seen.query.get('watch') === 'true') return this.#watch(seen, response)
    send(response, this.#usual(seen))
  }

  #usual({ method, path, body }: SeenRequest): ScriptedAnswer {
    const name = path.split('/secrets/')[1]?.split('/')[0]
    if (method !== 'GET') return { status: 200, body: echo(body, name ?? 'new') }
    if (name === undefined) {
      // Items of a list come without apiVersion and kind.
      const items = [...this.#objects.values()].map(({ apiVersion: _version, kind: _kind, ...item }) => item)
      return { status: 200, body: { kind: 'SecretList', metadata: { resourceVersion: this.version }, items } }
    }
    const object = this.#objects.get(name)
    const missing = { kind: 'Status', code: 404, reason: 'NotFound', message: `secrets "${name}" not found` }
    return object ? { status: 200, body: object } : { status: 404, body: missing }
  }

  #watch({ query }: SeenRequest, response: ServerResponse): void {
    const from = Number(query.get('resourceVersion'))
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    this.#watches.set(response, from)
    response.on('close', () => this.#watches.delete(response))
    for (const event of this.#history) {
      if (Number(event.object.metadata.resourceVersion) > from) response.write(`${JSON.stringify(event)}\n`)
    }
  }
}

/** What was sent, as if it had been stored. */
function echo(body: string, name: string): object {
  const sent = JSON.parse(body === '' ? '{}' : body) as { metadata?: object }
  return { apiVersion: 'v1', kind: 'Secret', ...sent, metadata: { name, namespace: 'n', uid: 'u', ...sent.metadata } }
}

function send(response: ServerResponse, { status, body = {}, text, headers = {} }: ScriptedAnswer): void {
  response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(text ?? `${JSON.stringify(body)}\n`)
}
