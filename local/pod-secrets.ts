/**
 * One secret per pod process, known to who made it: the kubelet hands it over on a descriptor, the controller of the same platform names it
 * when it specializes the pod. It spares a starting pod the check of a signature. Kept in memory only, as long as the process lives.
 */
import { randomBytes } from 'node:crypto'

export class PodSecrets {
  readonly #secrets = new Map<string, string>()

  create(podUid: string): string {
    const secret = randomBytes(32).toString('base64url')
    this.#secrets.set(podUid, secret)
    return secret
  }

  of(podUid: string): string | undefined {
    return this.#secrets.get(podUid)
  }

  forget(podUid: string): void {
    this.#secrets.delete(podUid)
  }
}
