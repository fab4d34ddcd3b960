/** Why a token is not believed, in one sentence that says what was expected and what came. Pure. */
import { errors } from 'jose'
import { errorText } from '../../lib/error-text.ts'

/** A token that is genuine and still does not do. */
export class TokenRefusedError extends Error {
  override readonly name = 'TokenRefusedError'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

export interface TokenRefusal {
  /** Stable. */
  code: string
  message: string
}

export function refusalOf(error: unknown): TokenRefusal {
  if (error instanceof TokenRefusedError) return { code: error.code, message: error.message }
  if (error instanceof errors.JWTExpired) {
    const at =
      typeof error.payload.exp === 'number' ? new Date(error.payload.exp * 1000).toISOString() : 'a time unknown'
    return { code: 'expired', message: `expected a token that is still valid, got one that expired at ${at}` }
  }
  if (error instanceof errors.JWTClaimValidationFailed) return claimRefusal(error)
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return {
      code: 'unknown-key',
      message: 'expected a token signed with a key of this cluster, got one with another key',
    }
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return { code: 'wrong-signature', message: 'expected a token with a genuine signature, got one without' }
  return { code: 'malformed', message: `expected a signed token, got something else (${errorText(error)})` }
}

const CLAIMS: Record<string, { code: string; what: string }> = {
  aud: { code: 'wrong-audience', what: 'a token made for this controller' },
  iss: { code: 'wrong-issuer', what: 'a token of this cluster' },
  nbf: { code: 'not-yet-valid', what: 'a token that is valid already' },
}

function claimRefusal({ claim, payload }: errors.JWTClaimValidationFailed): TokenRefusal {
  const { code, what } = CLAIMS[claim] ?? { code: 'wrong-claim', what: `another ${claim}` }
  return { code, message: `expected ${what}, got one with ${claim} ${JSON.stringify(payload[claim])}` }
}
