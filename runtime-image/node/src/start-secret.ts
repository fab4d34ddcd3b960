/**
 * What the parent of this process hands to it on a descriptor: who names it may specialize the pod, as who signs. Only a parent on the same
 * machine can do so; it spares a start that somebody waits for loading Node's crypto module.
 */
import { closeSync, readFileSync } from 'node:fs'
import { SecretText } from './secret-text.ts'

const SHORTEST = 32

/** Reads it and closes the descriptor: nothing of it is left to whoever looks later. Throws when it is too short to be a secret. */
export function takeStartSecret(fd: number): SecretText {
  try {
    const text = readFileSync(fd, 'latin1')
    if (text.length >= SHORTEST) return new SecretText(text)
    throw new Error(`expected a secret of ${SHORTEST} characters or more on descriptor ${fd}, got ${text.length}`)
  } finally {
    closeSync(fd)
  }
}
