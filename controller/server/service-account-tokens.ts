/**
 * Who a data plane is: its projected service-account token, verified here against the keys the cluster signs with, so that data planes are
 * known while the API is away. Owns the keys' freshness; promises that strangers cannot make it ask the API at will. A token that was
 * believed is believed again for a minute without looking: its signature costs more than all else on the way of a wake-up.
 */
import type { IncomingMessage } from 'node:http'
import { createLocalJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import { z } from 'zod'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { SparingLog } from '../../lib/sparing-log.ts'
import { bearerToken } from './listener.ts'
import { refusalOf, TokenRefusedError } from './token-refusal.ts'

export interface ServiceAccountTokensOptions {
  /** GET of a path of the API server, parsed. Throws when there is no answer. */
  readApi: (path: string) => Promise<unknown>
  /** What tokens must have been made for. */
  audience: string
  /** `namespace/name` of those that may. */
  accounts: readonly string[]
  /** Epoch ms. */
  clock: Clock
  logger: Logger
}

const DISCOVERY_PATH = '/.well-known/openid-configuration'
const KEYS_PATH = '/openid/v1/jwks'
const SUBJECT_PREFIX = 'system:serviceaccount:'
/** All that clusters sign with, and nothing symmetric. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
/** Clocks of nodes differ a little. */
const CLOCK_TOLERANCE_SECONDS = 10
/** Anyone can send a token with a key nobody knows: the API is asked no more often than this; sooner while nobody can be believed. */
const REFRESH_INTERVAL_MS = { known: 10_000, unknown: 1_000 }
/** Keys that were taken back stop counting after this and BELIEVED_MS at most, while the API answers. */
const FRESH_MS = 600_000
const BELIEVED_MS = 60_000
const MOST_BELIEVED = 1_000

const discoverySchema = z.object({ issuer: z.string().min(1) })
const keysSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) })

interface SigningKeys {
  issuer: string
  find: JWTVerifyGetKey
  atMs: number
}

export class ServiceAccountTokens {
  readonly #options: ServiceAccountTokensOptions
  readonly #subjects: ReadonlySet<string>
  readonly #log: SparingLog
  /** Token → epoch ms until which it is believed. */
  readonly #believed = new Map<string, number>()
  #keys: SigningKeys | undefined
  #lastRefreshMs = -Infinity
  #refreshing: Promise<void> | undefined

  constructor(options: ServiceAccountTokensOptions) {
    this.#options = options
    this.#subjects = new Set(options.accounts.map((account) => SUBJECT_PREFIX + account.replace('/', ':')))
    this.#log = new SparingLog(options)
  }

  /** Whether the request comes from one of the accounts. Why not is in the log: it is no business of strangers. */
  async authenticate(request: IncomingMessage): Promise<boolean> {
    const token = bearerToken(request)
    if (token === undefined) return false
    const { clock } = this.#options
    if ((this.#believed.get(token) ?? 0) > clock.now()) return true
    try {
      await this.#verify(token)
      return true
    } catch (error) {
      const { code, message } = refusalOf(error)
      this.#log.warn(code, `a data plane was refused: ${message}`, { from: request.socket.remoteAddress, code })
      return false
    }
  }

  /** Gets the keys, so that the first data plane need not wait for them and they are there if the API goes away. Never rejects. */
  async load(): Promise<void> {
    await this.#refresh()
  }

  async #verify(token: string): Promise<void> {
    const payload = await this.#signedPayload(token)
    const { sub = '', exp } = payload
    if (!this.#subjects.has(sub))
      throw new TokenRefusedError('wrong-subject', `expected one of ${[...this.#subjects].join(', ')}, got ${sub}`)
    // A token that never expires is not one of a pod that runs now.
    if (exp === undefined)
      throw new TokenRefusedError('no-expiry', 'expected a token that expires, got one that does not')
    const nowMs = this.#options.clock.now()
    for (const [old, untilMs] of this.#believed)
      if (untilMs <= nowMs || this.#believed.size >= MOST_BELIEVED) this.#believed.delete(old)
    this.#believed.set(token, Math.min(nowMs + BELIEVED_MS, exp * 1000))
  }

  async #signedPayload(token: string): Promise<JWTPayload> {
    const { clock } = this.#options
    if (this.#keys === undefined) await this.#refresh()
    else if (this.#keys.atMs + FRESH_MS < clock.now()) void this.#refresh()
    try {
      return await this.#payloadBy(token)
    } catch (error) {
      // A signing key of another time, or the cluster has a new one.
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      await this.#refresh()
      return this.#payloadBy(token)
    }
  }

  async #payloadBy(token: string): Promise<JWTPayload> {
    const keys = this.#keys
    if (keys === undefined) throw new TokenRefusedError('no-keys', 'the keys of the cluster are not known yet')
    const { audience, clock } = this.#options
    const { payload } = await jwtVerify(token, keys.find, {
      issuer: keys.issuer,
      audience,
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(clock.now()),
    })
    return payload
  }

  /** One at a time, and not again right after the last; the keys there are stay when it fails. */
  #refresh(): Promise<void> {
    const nowMs = this.#options.clock.now()
    const intervalMs = REFRESH_INTERVAL_MS[this.#keys === undefined ? 'unknown' : 'known']
    if (this.#refreshing === undefined && nowMs >= this.#lastRefreshMs + intervalMs) {
      this.#lastRefreshMs = nowMs
      this.#refreshing = this.#fetch().finally(() => (this.#refreshing = undefined))
    }
    return this.#refreshing ?? Promise.resolve()
  }

  async #fetch(): Promise<void> {
    const { readApi, clock, logger } = this.#options
    try {
      const [discovery, keys] = await Promise.all([readApi(DISCOVERY_PATH), readApi(KEYS_PATH)])
      const { issuer } = discoverySchema.parse(discovery)
      this.#keys = { issuer, find: createLocalJWKSet(keysSchema.parse(keys)), atMs: clock.now() }
    } catch (error) {
      const consequence = this.#keys === undefined ? 'data planes are refused' : 'the known ones go on counting'
      logger.warn(`the keys that service-account tokens are signed with could not be read: ${consequence}`, { error })
    }
  }
}
