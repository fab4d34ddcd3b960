/** Talks to the control port of a pod, see docs/runtime-contract.md. Every outcome is a value: what it means is decided by the caller. */
import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { request } from 'undici'
import { z } from 'zod'
import { HEADER } from '../../api/names.ts'
import type { ErrorObject, Specialize } from '../../api/protocol.ts'
import type { Keys } from '../keys/keys.ts'
import { hostPort, type PodContact } from './pod-status.ts'

export type SpecializeOutcome =
  | { kind: 'ready'; initMs: number; acknowledges: boolean }
  /** Another controller was first; what it wants of the pod, when the pod said so. */
  | { kind: 'taken'; function?: string; revision?: string }
  /** The user's code does not load. */
  | { kind: 'load-failed'; error: ErrorObject }
  /** The runtime did not believe or understand us: nothing was loaded. */
  | { kind: 'refused'; message: string }
  /** The connection broke, or never was: then the pod had not been reached and nothing was executed. */
  | { kind: 'lost'; reached: boolean; message: string }

const healthSchema = z.object({
  state: z.enum(['generic', 'specializing', 'specialized', 'leaving']),
  function: z.string().nullish(),
  revision: z.string().nullish(),
  acknowledges: z.boolean().optional(),
  proof: z.string().nullish(),
  failed: z.unknown().optional(),
})
export type RuntimeHealth = z.infer<typeof healthSchema>

/** silent: it took the connection and did not answer in time (busy, or stuck) · unreachable: nobody is there, or no runtime. */
export type HealthOutcome = { kind: 'answered'; health: RuntimeHealth } | { kind: 'silent' } | { kind: 'unreachable' }

const readySchema = z.object({ initMs: z.number(), acknowledges: z.boolean().default(false) })
const takenSchema = z.object({ function: z.string().nullish(), revision: z.string().nullish() })
const errorSchema = z.object({
  errorType: z.string(),
  errorMessage: z.string(),
  trace: z.array(z.string()).default([]),
})

export interface RuntimeClient {
  /** `timeoutMs` is the limit for loading code; the runtime has a little longer to say so. */
  specialize(
    contact: PodContact,
    body: Specialize,
    limits: { timeoutMs: number; signal: AbortSignal },
  ): Promise<SpecializeOutcome>
  health(contact: PodContact, timeoutMs: number): Promise<HealthOutcome>
}

/** A runtime that is too busy to answer in time gets this long beyond its own limit. */
const ANSWER_SLACK_MS = 2_000
/** Largest answer a runtime has reason to give: an error object with a long trace. */
const ANSWER_LIMIT_BYTES = 1 << 20

interface RuntimeClientOptions {
  dispatcher: Dispatcher
  keys: Pick<Keys, 'sign'>
  /** What a pod's process was given when it was made, where that is known: it need not check the signature then. */
  podSecret?: ((podUid: string) => string | undefined) | undefined
}

export function createRuntimeClient({ dispatcher, keys, podSecret }: RuntimeClientOptions): RuntimeClient {
  return {
    async specialize(contact, body, { timeoutMs, signal }) {
      const late = AbortSignal.timeout(timeoutMs + ANSWER_SLACK_MS)
      const bytes = Buffer.from(JSON.stringify(body))
      const message = new SignedMessage(bytes, keys.sign(bytes), podSecret?.(body.podUid))
      try {
        const response = await request(controlUrl(contact, '/specialize'), {
          dispatcher,
          method: 'POST',
          headers: message.headers,
          body: Readable.from(message),
          signal: AbortSignal.any([signal, late]),
          // `late` is the limit.
          headersTimeout: 0,
          bodyTimeout: 0,
        })
        return outcomeOf(response.statusCode, await readAnswer(response.body))
      } catch (error) {
        // It accepted the connection and said nothing: its event loop is held by the code that loads.
        if (late.aborted && message.isSent) return { kind: 'load-failed', error: neverLoaded(timeoutMs) }
        return { kind: 'lost', reached: message.isSent, message: reasonOf(error, signal) }
      }
    },
    async health(contact, timeoutMs) {
      const late = AbortSignal.timeout(timeoutMs)
      try {
        const response = await request(controlUrl(contact, '/healthz'), { dispatcher, signal: late })
        return { kind: 'answered', health: healthSchema.parse(await readAnswer(response.body)) }
      } catch {
        return { kind: late.aborted ? 'silent' : 'unreachable' }
      }
    },
  }
}

/** Knows whether it was written to a connection: its bytes are asked for only then. */
class SignedMessage {
  readonly headers: Record<string, string>
  readonly #bytes: Buffer
  isSent = false

  constructor(bytes: Buffer, signature: string, secret: string | undefined) {
    this.#bytes = bytes
    this.headers = {
      'content-type': 'application/json',
      'content-length': String(bytes.length),
      [HEADER.signature]: signature,
      ...(secret !== undefined && { [HEADER.secret]: secret }),
    }
  }

  *[Symbol.iterator](): Iterator<Buffer> {
    this.isSent = true
    yield this.#bytes
  }
}

function controlUrl({ host, controlPort }: PodContact, path: string): string {
  return `http://${hostPort(host, controlPort)}${path}`
}

async function readAnswer(body: AsyncIterable<Buffer>): Promise<unknown> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of body) {
    sizeBytes += chunk.length
    if (sizeBytes > ANSWER_LIMIT_BYTES) throw new Error(`the runtime answered more than ${ANSWER_LIMIT_BYTES} bytes`)
    chunks.push(chunk)
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'))
}

function outcomeOf(status: number, answer: unknown): SpecializeOutcome {
  if (status === 200) return { kind: 'ready', ...readySchema.parse(answer) }
  if (status === 409) {
    const { function: key, revision } = takenSchema.parse(answer)
    return { kind: 'taken', ...(key != null && { function: key }), ...(revision != null && { revision }) }
  }
  if (status === 422) return { kind: 'load-failed', error: errorSchema.parse(answer) }
  return { kind: 'refused', message: `the runtime answered ${status}: ${JSON.stringify(answer).slice(0, 500)}` }
}

function neverLoaded(timeoutMs: number): ErrorObject {
  return {
    errorType: 'Sandbox.Timedout',
    errorMessage: `the code did not finish loading within ${timeoutMs} ms and blocks its process`,
    trace: [],
  }
}

function reasonOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted && typeof signal.reason === 'string') return signal.reason
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? String(error.code) : error.name
  return `the connection to it failed (${code}: ${error.message})`
}
