/**
 * Fetches an archive: bounded in bytes, time and redirects, from addresses that may be asked, and held to its SHA-256 before anybody looks into it.
 * Says no more of an answer than its status: who chose the URL must not read through us what he could not read himself.
 */
import { createHash } from 'node:crypto'
import { Agent, request, type Dispatcher } from 'undici'
import { isRecord } from '../../api/record.ts'
import { guardedLookup, mayBeAsked, type AddressPolicy } from '../../lib/address-policy.ts'
import { CODE_LIMITS, CodeError } from './packed-code.ts'
import { bareHost } from '../../lib/bare-host.ts'

export interface ArchiveFetcher {
  /** Throws CodeError: a clause that says what was expected and what came. */
  fetch(archive: { url: string; sha256: string }, signal: AbortSignal): Promise<Buffer>
  close(): Promise<void>
}

export interface FetchLimits {
  bytes: number
  timeoutMs: number
}

const DEFAULT_LIMITS: FetchLimits = { bytes: CODE_LIMITS.archiveBytes, timeoutMs: 60_000 }
const CONNECT_TIMEOUT_MS = 5_000
const MOST_REDIRECTS = 3

export function createArchiveFetcher(policy: AddressPolicy, limits: FetchLimits = DEFAULT_LIMITS): ArchiveFetcher {
  const connect = { timeout: CONNECT_TIMEOUT_MS, lookup: guardedLookup(policy, (host) => new CodeError(refusal(host))) }
  // Kept connections are no use: an archive is fetched once.
  const agent = new Agent({ connect, pipelining: 0, keepAliveTimeout: 1, connections: 4 })
  return {
    async fetch({ url, sha256 }, signal) {
      const late = AbortSignal.timeout(limits.timeoutMs)
      const asking = { agent, policy, limits, signal: AbortSignal.any([signal, late]) }
      const bytes = await download(url, asking).catch((error: unknown) => {
        if (late.aborted) throw new CodeError(`it did not come within ${limits.timeoutMs / 1000} s`)
        throw asCodeError(error)
      })
      const came = createHash('sha256').update(bytes).digest('hex')
      if (came !== sha256) throw new CodeError(`expected sha256 ${sha256}, what came has ${came}`)
      return bytes
    },
    close: () => agent.destroy(),
  }
}

interface Asking {
  agent: Agent
  policy: AddressPolicy
  limits: FetchLimits
  signal: AbortSignal
}

async function download(url: string, asking: Asking): Promise<Buffer> {
  let target = new URL(url)
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects += 1) {
    checkTarget(target, asking.policy)
    const answer = await request(target, {
      dispatcher: asking.agent,
      signal: asking.signal,
      headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'dormouse' },
    })
    // One that is given up in the middle says so once more, to nobody.
    answer.body.on('error', () => undefined)
    const location = answer.headers.location
    if (answer.statusCode >= 300 && answer.statusCode < 400 && typeof location === 'string') {
      answer.body.destroy()
      target = new URL(location, target)
      continue
    }
    return await readBody(answer, asking.limits)
  }
  throw new CodeError(`it was redirected more than ${MOST_REDIRECTS} times`)
}

function checkTarget(target: URL, policy: AddressPolicy): void {
  const { protocol, hostname, username, password } = target
  if (protocol !== 'http:' && protocol !== 'https:') throw new CodeError(`expected http or https, got ${protocol}`)
  if (username !== '' || password !== '') throw new CodeError('a URL with a user or password is not asked')
  if (!mayBeAsked(target, policy)) throw new CodeError(refusal(bareHost(hostname)))
}

const refusal = (host: string) => `${host} is an address that archives are not fetched from`

async function readBody({ statusCode, headers, body }: Dispatcher.ResponseData, limits: FetchLimits): Promise<Buffer> {
  const tooLarge = () => new CodeError(`it is larger than ${limits.bytes} bytes, which is the limit`)
  try {
    if (statusCode !== 200) throw new CodeError(`expected status 200, got ${statusCode}`)
    if (Number(headers['content-length'] ?? 0) > limits.bytes) throw tooLarge()
    const chunks: Buffer[] = []
    let sizeBytes = 0
    for await (const chunk of body as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length
      if (sizeBytes > limits.bytes) throw tooLarge()
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } finally {
    body.destroy()
  }
}

function asCodeError(error: unknown): CodeError {
  if (error instanceof CodeError) return error
  const { cause = error } = isRecord(error) ? error : {}
  if (cause instanceof CodeError) return cause
  const said = isRecord(cause) ? String(cause['code'] ?? cause['message']) : String(cause)
  return new CodeError(`it cannot be reached (${said})`, { cause: error })
}
