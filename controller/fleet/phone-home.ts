/** Whether a pod that says "I am up" is believed. Pure. */
import type { PhoneHome } from '../../api/protocol.ts'
import { normalAddress } from './pod-status.ts'

export interface PhoneHomeInput {
  message: PhoneHome
  /** The other end of the connection it came over. */
  remoteAddress: string
  tokenValid: boolean
  /** What is known of the pod of this name; undefined = nothing yet. */
  known: { uid: string; podIP?: string | undefined } | undefined
}

export type PhoneHomeVerdict =
  { kind: 'believed' } | { kind: 'refused'; status: 401 | 403; code: string; message: string }

const refused = (status: 401 | 403, code: string, message: string): PhoneHomeVerdict => ({
  kind: 'refused',
  status,
  code,
  message,
})

export function judgePhoneHome({ message, remoteAddress, tokenValid, known }: PhoneHomeInput): PhoneHomeVerdict {
  const pod = `${message.namespace}/${message.name}`
  if (!tokenValid) return refused(401, 'wrong-token', `the bearer token is not the one of pod ${pod}`)
  if (normalAddress(remoteAddress) !== normalAddress(message.address))
    return refused(
      403,
      'foreign-address',
      `the connection comes from ${normalAddress(remoteAddress)}, not from ${message.address}`,
    )
  if (known === undefined) return { kind: 'believed' }
  if (known.uid !== message.uid) return refused(403, 'wrong-uid', `pod ${pod} does not have uid ${message.uid}`)
  if (known.podIP !== undefined && normalAddress(known.podIP) !== normalAddress(message.address))
    return refused(403, 'foreign-address', `pod ${pod} has address ${known.podIP}, not ${message.address}`)
  return { kind: 'believed' }
}
