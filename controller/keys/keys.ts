/**
 * The controller's secrets: one Secret holds an HMAC secret and an Ed25519 pair; everything else is derived, never stored.
 * Promises that all replicas derive the same keys, and that whoever starts first makes the Secret, or fills an empty one: the chart installs it
 * empty, so that nobody needs the right to create Secrets and none is left behind. Leaves rotation to the operator: emptying the Secret makes new
 * keys at the next start, and pods with the old public key are replaced (they are part of its hash).
 */
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  timingSafeEqual,
} from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { ObjectKey } from '../../api/names.ts'
import type { Cluster } from '../../kube/cluster.ts'
import { isAlreadyExists, isConflict, isForbidden, type ClusterError } from '../../kube/errors.ts'
import { SECRETS, type Secret } from '../../kube/objects.ts'

export const KEYS_SECRET = 'dormouse-keys'

export interface Keys {
  /** Base64 of the SPKI DER: what pods check signatures with. */
  readonly publicKey: string
  /** What callers of this pod's data port must present. */
  dataKey: (podUid: string) => string
  /** What this pod says "I am up" with. */
  phoneHomeToken(namespace: string, name: string): string
  /** Told to a pod with its function: by repeating it the pod shows other replicas who it was made to be. */
  claimProof(claim: ProvenClaim): string
  isClaimProof(proof: string, claim: ProvenClaim): boolean
  isPhoneHomeToken(token: string, pod: { namespace: string; name: string }): boolean
  /** Base64 Ed25519 signature. */
  sign(body: Uint8Array): string
}

export interface ProvenClaim {
  podUid: string
  function: ObjectKey
  revision: string
}

/** The Secret does not hold what it should, or is gone; the message says what, and what to do. */
export class KeysError extends Error {
  override readonly name = 'KeysError'
  readonly code = 'keys-invalid'
}

/** Reads the Secret of `namespace`, or makes or fills it; of several that try at once one wins and the others read. */
export async function loadKeys(cluster: Cluster, namespace: string): Promise<Keys> {
  const ref = { namespace, name: KEYS_SECRET }
  const found = await cluster.get(SECRETS, ref)
  const secret = isEmpty(found) ? await firstWins(() => writeNewKeys(cluster, ref, found)) : found
  if (secret !== undefined) return keysFrom(secret)
  const theirs = await cluster.get(SECRETS, ref)
  if (theirs === undefined)
    throw new KeysError(`Secret ${namespace}/${KEYS_SECRET} was deleted while it was being read`)
  return keysFrom(theirs)
}

function isEmpty(secret: Secret | undefined): boolean {
  return Object.keys(secret?.data ?? {}).length === 0
}

function writeNewKeys(
  cluster: Cluster,
  ref: { namespace: string; name: string },
  empty: Secret | undefined,
): Promise<Secret> {
  const pair = generateKeyPairSync('ed25519')
  const data = {
    hmac: randomBytes(32).toString('base64'),
    privateKey: pair.privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'),
    publicKey: pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
  }
  if (empty === undefined)
    return cluster.create(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata: { ...ref }, data })
  return cluster.patch(SECRETS, ref, { data }, { resourceVersion: empty.metadata.resourceVersion })
}

/** Undefined when somebody else was first. */
async function firstWins<T>(write: () => Promise<T>): Promise<T | undefined> {
  try {
    return await write()
  } catch (error) {
    if (isAlreadyExists(error) || isConflict(error)) return undefined
    if (!isForbidden(error)) throw error
    const { message } = error as ClusterError
    throw new KeysError(`${message}. The chart installs this Secret: \`helm upgrade\` brings it back, empty`, {
      cause: error,
    })
  }
}

function keysFrom(secret: Secret): Keys {
  const hmac = Buffer.from(field(secret, 'hmac'), 'base64')
  if (hmac.length !== 32) throw new KeysError(`Secret ${KEYS_SECRET}: expected 32 bytes in hmac, got ${hmac.length}`)
  const privateKey = parsePrivateKey(field(secret, 'privateKey'))
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).toString('base64')
  if (publicKey !== field(secret, 'publicKey'))
    throw new KeysError(`Secret ${KEYS_SECRET}: publicKey does not belong to privateKey`)
  const derive = (text: string) => createHmac('sha256', hmac).update(text).digest('base64url')
  const phoneHomeToken = (namespace: string, name: string) => derive(`phone-home:${namespace}/${name}`)
  const claimProof = ({ podUid, function: key, revision }: ProvenClaim) => derive(`claim:${podUid}:${key}:${revision}`)
  return {
    publicKey,
    dataKey: (podUid) => derive(`data:${podUid}`),
    phoneHomeToken,
    isPhoneHomeToken: (token, { namespace, name }) => sameText(token, phoneHomeToken(namespace, name)),
    claimProof,
    isClaimProof: (proof, claim) => sameText(proof, claimProof(claim)),
    sign: (body) => sign(null, body, privateKey).toString('base64'),
  }
}

function parsePrivateKey(base64: string): KeyObject {
  try {
    return createPrivateKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'pkcs8' })
  } catch (cause) {
    throw new KeysError(`Secret ${KEYS_SECRET}: privateKey is not an Ed25519 key in PKCS8`, { cause })
  }
}

function field(secret: Secret, name: string): string {
  const value = secret.data?.[name]
  if (value === undefined) throw new KeysError(`Secret ${KEYS_SECRET}: expected a field ${name}, found none`)
  return value
}

/** Takes as long for a near miss as for nonsense. */
export function sameText(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)]
  return a.length === b.length && timingSafeEqual(a, b)
}
