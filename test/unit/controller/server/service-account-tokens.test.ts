/** With keys as a cluster has them: RSA pairs of its own, tokens as the API server signs them. */
import type { IncomingMessage } from 'node:http'
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey, type JWK } from 'jose'
import { ServiceAccountTokens } from '../../../../controller/server/service-account-tokens.ts'
import { createLogger, type LogRecord } from '../../../../lib/logger.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const ISSUER = 'https://kubernetes.default.svc.cluster.local'
const AUDIENCE = 'dormouse-controller'
const GATEWAY = 'system:serviceaccount:dormouse-system:dormouse-gateway'

interface SigningKey {
  privateKey: CryptoKey
  jwk: JWK
}

async function signingKey(kid: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' } }
}

let ours: SigningKey
let next: SigningKey
let foreign: SigningKey
beforeAll(async () => {
  ours = await signingKey('ours')
  next = await signingKey('next')
  foreign = await signingKey('ours')
})

let clock: FakeClock
let published: JWK[]
let isAway: boolean
let calls: string[]
let said: LogRecord[]
let tokens: ServiceAccountTokens
beforeEach(() => {
  clock = new FakeClock()
  published = [ours.jwk]
  isAway = false
  calls = []
  said = []
  tokens = new ServiceAccountTokens({
    readApi: async (path) => {
      calls.push(path)
      if (isAway) throw new Error('the API is away')
      return path === '/openid/v1/jwks' ? { keys: published } : { issuer: ISSUER }
    },
    audience: AUDIENCE,
    accounts: ['dormouse-system/dormouse-gateway', 'dormouse-system/dormouse-dispatcher'],
    clock,
    logger: createLogger({ sink: (record) => said.push(record) }),
  })
})

interface TokenInput {
  key?: SigningKey
  issuer?: string
  audience?: string | string[]
  subject?: string
  lifetimeSeconds?: number | null
  /** Seconds from now. */
  validFrom?: number
}

function token(input: TokenInput = {}): Promise<string> {
  const { key = ours, issuer = ISSUER, audience = AUDIENCE, subject = GATEWAY } = input
  const { lifetimeSeconds = 3_600, validFrom = 0 } = input
  const nowSeconds = Math.floor(clock.now() / 1000)
  const jwt = new SignJWT({ 'kubernetes.io': { namespace: 'dormouse-system' } })
    .setProtectedHeader({ alg: 'RS256', kid: key.jwk.kid ?? '' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(subject)
    .setIssuedAt(nowSeconds)
    .setNotBefore(nowSeconds + validFrom)
  if (lifetimeSeconds !== null) jwt.setExpirationTime(nowSeconds + lifetimeSeconds)
  return jwt.sign(key.privateKey)
}

const authenticate = (bearer: string | undefined) => {
  const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }
  return tokens.authenticate({ headers, socket: { remoteAddress: '10.0.0.9' } } as IncomingMessage)
}
const lastReason = () => said.at(-1)?.message

describe('a data plane is believed', () => {
  test('with a token for us, of an account that may, signed by the cluster', async () => {
    expect(await authenticate(await token())).toBe(true)
    expect(await authenticate(await token({ audience: ['other', AUDIENCE] }))).toBe(true)
    expect(said).toEqual([])
  })

  test('again without asking anyone, and within a minute without a look at the signature', async () => {
    const bearer = await token()
    await authenticate(bearer)
    isAway = true
    clock.advance(59_000)
    expect(await authenticate(bearer)).toBe(true)
    expect(calls).toHaveLength(2)
  })

  test('while the API is away, once its keys are known', async () => {
    await tokens.load()
    isAway = true
    clock.advance(3_600_000)
    expect(await authenticate(await token())).toBe(true)
  })

  test('with a token of a new key, which is fetched when it first comes', async () => {
    await authenticate(await token())
    published = [ours.jwk, next.jwk]
    clock.advance(60_000)
    expect(await authenticate(await token({ key: next }))).toBe(true)
    expect(calls).toHaveLength(4)
  })

  test('as soon as the API answers, when it was away at the start', async () => {
    isAway = true
    const bearer = await token()
    expect(await authenticate(bearer)).toBe(false)
    expect(lastReason()).toContain('the keys of the cluster are not known yet')
    isAway = false
    clock.advance(1_000)
    expect(await authenticate(bearer)).toBe(true)
  })
})

describe('a data plane is refused, and the log says in a sentence why,', () => {
  const refused: [string, () => Promise<string>, string][] = [
    [
      'when its token has expired',
      () => token({ lifetimeSeconds: -60 }),
      'that is still valid, got one that expired at',
    ],
    ['when it is not valid yet', () => token({ validFrom: 600 }), 'a token that is valid already, got one with nbf'],
    [
      'when it is for someone else',
      () => token({ audience: 'api' }),
      'made for this controller, got one with aud "api"',
    ],
    [
      'when it is of another cluster',
      () => token({ issuer: 'https://x' }),
      'of this cluster, got one with iss "https://x"',
    ],
    [
      'when it is of another account',
      () => token({ subject: 'system:serviceaccount:a:b' }),
      'got system:serviceaccount:a:b',
    ],
    ['when it is of no account', () => token({ subject: 'dormouse-system/dormouse-gateway' }), 'expected one of'],
    ['when it never expires', () => token({ lifetimeSeconds: null }), 'a token that expires, got one that does not'],
    [
      'when its key is unknown',
      () => token({ key: next }),
      'signed with a key of this cluster, got one with another key',
    ],
    ['when its signature is not genuine', () => token({ key: foreign }), 'a genuine signature, got one without'],
    ['when it is no token', async () => 'secret', 'expected a signed token, got something else'],
    [
      'when it is not signed',
      async () => new UnsecuredJWT({}).setSubject(GATEWAY).setAudience(AUDIENCE).setIssuer(ISSUER).encode(),
      'expected a signed token',
    ],
  ]
  test.each(refused)('%s', async (_when, make, reason) => {
    expect(await authenticate(await make())).toBe(false)
    expect(lastReason()).toContain(reason)
    expect(lastReason()).toMatch(/^a data plane was refused: /)
  })

  test('when it has no token at all', async () => {
    expect(await authenticate(undefined)).toBe(false)
  })

  test('when its token expires, though it was believed before', async () => {
    const bearer = await token({ lifetimeSeconds: 30 })
    expect(await authenticate(bearer)).toBe(true)
    clock.advance(45_000)
    expect(await authenticate(bearer)).toBe(false)
  })

  test('when the cluster has taken its key back, after ten minutes and a look', async () => {
    await authenticate(await token())
    published = [next.jwk]
    clock.advance(601_000)
    await authenticate(await token())
    await new Promise((resolve) => setImmediate(resolve))
    expect(await authenticate(await token({ audience: [AUDIENCE, 'another token'] }))).toBe(false)
  })
})

test('strangers with unknown keys make us ask the API no more often than every ten seconds', async () => {
  await tokens.load()
  for (let i = 0; i < 20; i += 1) await authenticate(await token({ key: next, lifetimeSeconds: 100 + i }))
  expect(calls).toHaveLength(2)
  clock.advance(10_000)
  for (let i = 0; i < 20; i += 1) await authenticate(await token({ key: next, lifetimeSeconds: 200 + i }))
  expect(calls).toHaveLength(4)
})
