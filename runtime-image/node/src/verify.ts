/** Is a specialize request from our controller? Ed25519 over the body's bytes as they came. */
import type * as Crypto from 'node:crypto'
import type { KeyObject } from 'node:crypto'

const SIGNATURE_BYTES = 64

/** By its form alone. */
export function isSignature(text: string | undefined): boolean {
  return text !== undefined && Buffer.from(text, 'base64').length === SIGNATURE_BYTES
}

export class SignatureVerifier {
  private readonly publicKey: string
  private key: KeyObject | undefined

  /** `publicKey`: base64 of the SPKI DER. */
  constructor(publicKey: string) {
    this.publicKey = publicKey
  }

  /** Loads the crypto module and the key ahead of the first request; throws if the key is not an Ed25519 public key. */
  warm(): void {
    this.loadKey()
    this.verify(Buffer.alloc(1), Buffer.alloc(SIGNATURE_BYTES).toString('base64'))
  }

  verify(body: Buffer, signature: string | undefined): boolean {
    if (signature === undefined) return false
    const bytes = Buffer.from(signature, 'base64')
    return bytes.length === SIGNATURE_BYTES && crypto().verify(null, body, this.loadKey(), bytes)
  }

  private loadKey(): KeyObject {
    if (this.key !== undefined) return this.key
    const key = crypto().createPublicKey({ key: Buffer.from(this.publicKey, 'base64'), format: 'der', type: 'spki' })
    if (key.asymmetricKeyType !== 'ed25519') {
      throw new Error(`DORMOUSE_PUBLIC_KEY must be an Ed25519 key, got ${key.asymmetricKeyType}`)
    }
    this.key = key
    return key
  }
}

/** Loaded when needed: importing it costs a waiting pod start time. */
function crypto(): typeof Crypto {
  return process.getBuiltinModule('node:crypto')
}
