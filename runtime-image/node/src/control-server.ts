/** The control port: health, and the one request that gives the pod its function. The first valid one wins. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { answerJson } from './answer.ts'
import { readBody, ReadingRoom } from './body.ts'
import { errorObject, type ErrorObject } from './error-object.ts'
import type { Pod } from './pod.ts'
import { parseSpecialization, type Specialization } from './specialization.ts'
import type { Specialized } from './specialize.ts'
import type { SecretText } from './secret-text.ts'
import { isSignature, type SignatureVerifier } from './verify.ts'

/** Above the largest code that a controller sends: 16 MiB that gzip makes nothing of, as base64, are 21.4. */
const BODY_LIMIT_BYTES = 24 * 1024 * 1024

/** For a small one beside the largest. */
const ROOM_BESIDE_BYTES = 8 * 1024 * 1024

export interface ControlPorts {
  pod: Pod
  podUid: string
  verifier: SignatureVerifier
  /** Of a parent on this machine; naming it is as good as signing. */
  secret: SecretText | undefined
  /** Loads the code of a pod that was just claimed. */
  specialize: (claim: Specialization, response: ServerResponse) => Promise<Specialized>
  /** The code did not load: the pod is spent. */
  spend: (error: ErrorObject) => void
  now: () => number
}

export class ControlServer {
  readonly server: Server
  private readonly ports: ControlPorts
  private readonly room = new ReadingRoom(BODY_LIMIT_BYTES + ROOM_BESIDE_BYTES)
  private waiting: ServerResponse | undefined

  constructor(ports: ControlPorts) {
    this.ports = ports
    this.server = createServer({
      keepAliveTimeout: 75_000,
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      noDelay: true,
    })
    this.server.on('request', (request, response) => this.onRequest(request, response))
  }

  /** The process ends while the code loads: tell who waits for it. */
  failLoad(error: ErrorObject): void {
    const response = this.waiting
    if (response === undefined) return
    this.waiting = undefined
    this.ports.spend(error)
    answerJson(response, 422, error)
  }

  private onRequest(request: IncomingMessage, response: ServerResponse): void {
    const route = `${request.method} ${request.url}`
    if (route === 'GET /healthz') answerJson(response, 200, this.ports.pod.health())
    else if (route === 'POST /specialize') this.readSpecialize(request, response)
    else
      answerJson(response, 404, {
        code: 'not-found',
        message: `expected GET /healthz or POST /specialize, got ${route}`,
      })
  }

  private readSpecialize(request: IncomingMessage, response: ServerResponse): void {
    // Anybody may connect: nothing is read of who does not even look like a controller.
    if (!this.maySign(request.headers)) {
      response.shouldKeepAlive = false
      forbid(response, 'wrong-signature', 'dormouse-signature is missing, or not one')
      return
    }
    this.room.enter(request)
    readBody(request, BODY_LIMIT_BYTES, (body) => {
      if (body.kind === 'aborted') return
      if (body.kind === 'too-large') {
        answerJson(response, 413, { code: 'too-large', message: `expected at most ${BODY_LIMIT_BYTES} bytes` })
        return
      }
      this.onSpecialize(body.bytes, request.headers, response).catch((error: unknown) => {
        this.fail(response, errorObject(error))
      })
    })
  }

  private async onSpecialize(body: Buffer, headers: IncomingHttpHeaders, response: ServerResponse): Promise<void> {
    const claim = this.accept(body, headers, response)
    if (claim === undefined) return
    this.ports.pod.take(claim)
    this.waiting = response
    const outcome = await this.ports.specialize(claim, response)
    // The process is ending and has answered already.
    if (this.waiting === undefined) return
    this.waiting = undefined
    if (outcome.kind === 'failed') return this.fail(response, outcome.error)
    answerJson(response, 200, { initMs: Math.round(outcome.initMs * 100) / 100, acknowledges: true })
  }

  /** Who sent it is checked before a byte of the body is believed. */
  private accept(body: Buffer, headers: IncomingHttpHeaders, response: ServerResponse): Specialization | undefined {
    const { pod, podUid, now } = this.ports
    if (!this.isOurs(body, headers)) {
      return forbid(response, 'wrong-signature', 'dormouse-signature does not fit the body and the public key')
    }
    const parsed = parseSpecialization(body.toString('utf8'))
    if (parsed.kind === 'invalid') {
      answerJson(response, 400, { code: 'invalid-specialization', message: parsed.message })
      return undefined
    }
    const { value } = parsed
    if (value.podUid !== podUid) return forbid(response, 'wrong-pod', `expected pod uid ${podUid}, got ${value.podUid}`)
    if (value.expiresAt <= now()) return forbid(response, 'expired', `the request expired at ${value.expiresAt}`)
    if (pod.state === 'generic') return value
    const owner = pod.claim
    const name = owner === undefined ? null : `${owner.function.namespace}/${owner.function.name}`
    answerJson(response, 409, { function: name, revision: owner?.revision ?? null })
    return undefined
  }

  private maySign(headers: IncomingHttpHeaders): boolean {
    const { secret } = this.ports
    return (
      secret?.matches(textOf(headers, 'dormouse-secret')) === true || isSignature(textOf(headers, 'dormouse-signature'))
    )
  }

  private isOurs(body: Buffer, headers: IncomingHttpHeaders): boolean {
    const { secret, verifier } = this.ports
    if (secret?.matches(textOf(headers, 'dormouse-secret')) === true) return true
    return verifier.verify(body, textOf(headers, 'dormouse-signature'))
  }

  private fail(response: ServerResponse, error: ErrorObject): void {
    this.waiting = undefined
    this.ports.spend(error)
    answerJson(response, 422, error)
  }
}

function textOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  return [headers[name]].flat()[0]
}

function forbid(response: ServerResponse, code: string, message: string): undefined {
  answerJson(response, 403, { code, message })
}
