/**
 * Loads unproven revisions, a few at a time, so that a thousand applied Functions do not start a thousand pods. Changed Functions go
 * before new ones: someone waits for them. Of one Function only the latest request waits. In a crowd new ones are not loaded at all
 * (docs/adr/0038): pods would only take the machine from who writes all that.
 */
import type { ObjectKey } from '../../api/names.ts'
import type { RevisionTemplate } from '../fleet/fleet.ts'
import type { FunctionMemory } from './function-memory.ts'

export interface Verification {
  key: ObjectKey
  template: RevisionTemplate
  /** A good revision serves meanwhile. */
  isUpdate: boolean
  /** Where the outcome is remembered. */
  memory: FunctionMemory
}

export interface VerifierOptions {
  concurrency: number
  /** Starts a pod of the revision and remembers how that went. Must not reject. */
  run(verification: Verification): Promise<void>
  /** New ones come in great numbers just now. */
  isCrowd: () => boolean
}

export class Verifier {
  readonly #options: VerifierOptions
  /** In order of arrival. */
  readonly #waiting = new Map<ObjectKey, Verification>()
  /** `namespace/name@revision` */
  readonly #running = new Set<string>()
  #isStopped = false

  constructor(options: VerifierOptions) {
    this.#options = options
  }

  /** Asking again for what waits or runs changes nothing. */
  request(verification: Verification): void {
    if (this.#isStopped) return
    if (this.#running.has(identity(verification))) return this.withdraw(verification.key)
    this.#waiting.set(verification.key, verification)
    this.#next()
  }

  /** What waits is forgotten; what runs is let run. */
  withdraw(key: ObjectKey): void {
    if (this.#waiting.delete(key)) this.#next()
  }

  stop(): void {
    this.#isStopped = true
    this.#waiting.clear()
  }

  #next(): void {
    while (this.#running.size < this.#options.concurrency) {
      const next = this.#first()
      if (!next) return
      this.#waiting.delete(next.key)
      this.#running.add(identity(next))
      void this.#options.run(next).finally(() => {
        this.#running.delete(identity(next))
        this.#next()
      })
    }
  }

  #first(): Verification | undefined {
    const waiting = [...this.#waiting.values()]
    return waiting.find(({ isUpdate }) => isUpdate) ?? (this.#options.isCrowd() ? undefined : waiting[0])
  }
}

const identity = ({ key, template }: Verification) => `${key}@${template.revision}`
