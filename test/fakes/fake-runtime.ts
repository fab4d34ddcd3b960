/**
 * A runtime as docs/runtime-contract.md wants it, in this process: real sockets, real signatures, no user code. What "loading" does is told
 * by the code: `index.mjs` holding `throw`, `exit`, `hang`, `slow` or anything else (loads at once).
 */
import { createPublicKey, timingSafeEqual, verify } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { HEADER } from '../../api/names.ts'
import type { Specialize } from '../../api/protocol.ts'
import { closeServer, listen } from '../../lib/listen.ts'

export type FakeRuntimeState = 'generic' | 'specializing' | 'specialized' | 'leaving'

export interface FakeRuntimeOptions {
  /** As the pod's environment gives it. */
  env: Record<string, string>
  /** Answer `acknowledges: true` and write 102. */
  acknowledges?: boolean
  /** The process ended by itself. */
  exited?(exitCode: number): void
}

const SLOW_MS = 100

export class FakeRuntime {
  readonly #options: FakeRuntimeOptions
  readonly #control: Server
  readonly #data: Server
  state: FakeRuntimeState = 'generic'
  failed: unknown
  specialization: Specialize | undefined
  ports = { control: 0, data: 0 }
  /** Answers of phone home, in order. */
  readonly calls: number[] = []

  constructor(options: FakeRuntimeOptions) {
    this.#options = options
    this.#control = createServer((request, response) => void this.#serveControl(request, response))
    this.#data = createServer((request, response) => this.#serveData(request, response))
  }

  async start(): Promise<{ control: number; data: number }> {
    const where = { host: this.#options.env.DORMOUSE_POD_IP ?? '127.0.0.1', port: 0, purpose: 'fake runtime' }
    this.ports = { control: await listen(this.#control, where), data: await listen(this.#data, where) }
    return this.ports
  }

  async callHome(overrides: { token?: string; message?: Record<string, unknown> } = {}): Promise<number> {
    const { env } = this.#options
    const response = await fetch(env.DORMOUSE_PHONE_HOME_URL ?? '', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${overrides.token ?? env.DORMOUSE_PHONE_HOME_TOKEN ?? ''}`,
      },
      body: JSON.stringify({
        namespace: env.DORMOUSE_POD_NAMESPACE,
        name: env.DORMOUSE_POD_NAME,
        uid: env.DORMOUSE_POD_UID,
        address: env.DORMOUSE_POD_IP,
        controlPort: this.ports.control,
        dataPort: this.ports.data,
        ...overrides.message,
      }),
    })
    await response.arrayBuffer()
    this.calls.push(response.status)
    return response.status
  }

  /** As SIGKILL: every connection is cut. */
  async kill(): Promise<void> {
    await Promise.all([closeServer(this.#control), closeServer(this.#data)])
  }

  /** Forgets everything, as a restarted container. */
  restart(): void {
    this.state = 'generic'
    this.specialization = undefined
  }

  async #serveControl(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const json = (status: number, value: unknown) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    if (request.url === '/healthz') return json(200, this.#health())
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    const body = JSON.parse(bytes.toString()) as Specialize
    if (!this.#isGenuine(bytes, request, body))
      return json(403, { code: 'forged', message: 'signature, uid or expiry' })
    if (this.state !== 'generic')
      return json(409, { function: this.#functionKey(), revision: this.specialization?.revision })
    await this.#load(body, json)
  }

  async #load(body: Specialize, json: (status: number, value: unknown) => void): Promise<void> {
    this.specialization = body
    this.state = 'specializing'
    const code = body.files?.['index.mjs'] ?? ''
    if (code === 'hang') return
    if (code === 'exit') {
      await this.kill()
      this.#options.exited?.(1)
      return
    }
    if (code === 'slow') await new Promise((resolve) => setTimeout(resolve, SLOW_MS))
    this.state = 'specialized'
    if (code === 'throw') {
      this.failed = { errorType: 'Error', errorMessage: 'no luck', trace: [] }
      return json(422, this.failed)
    }
    json(200, { initMs: 1.5, acknowledges: this.#options.acknowledges ?? true })
  }

  #health() {
    const { state, specialization, failed } = this
    return {
      state,
      ...(specialization && {
        function: this.#functionKey(),
        revision: specialization.revision,
        acknowledges: this.#options.acknowledges ?? true,
        proof: specialization.proof,
      }),
      ...(failed !== undefined && { failed }),
    }
  }

  #functionKey(): string {
    const { namespace, name } = this.specialization?.function ?? {}
    return `${namespace ?? ''}/${name ?? ''}`
  }

  #isGenuine(bytes: Buffer, request: IncomingMessage, body: Specialize): boolean {
    const { env } = this.#options
    const der = Buffer.from(env.DORMOUSE_PUBLIC_KEY ?? '', 'base64')
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
    const signature = Buffer.from(String(request.headers[HEADER.signature] ?? ''), 'base64')
    return verify(null, bytes, key, signature) && body.podUid === env.DORMOUSE_POD_UID && body.expiresAt > Date.now()
  }

  #serveData(request: IncomingMessage, response: ServerResponse): void {
    const { specialization } = this
    request.resume()
    if (this.state !== 'specialized' || specialization === undefined)
      return void response.writeHead(503, { [HEADER.refused]: 'not-specialized' }).end()
    const given = Buffer.from(String(request.headers[HEADER.key] ?? ''))
    const wanted = Buffer.from(specialization.dataKey)
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
      return void response.writeHead(403, { [HEADER.refused]: 'not-specialized' }).end()
    if (this.#options.acknowledges ?? true) response.writeProcessing()
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ function: this.#functionKey(), revision: specialization.revision }))
  }
}
