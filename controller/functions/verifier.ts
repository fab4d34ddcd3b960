/**
 * Loads unproven revisions, a few at a time, so that a thousand applied Functions do not start a thousand pods. Changed Functions go
 * before new ones: someone waits for them. Of one Function only the latest request waits. In a crowd new ones are not loaded at all
 * (docs/adr/0038): pods would only take the machine from who writes all that. A slow one keeps nobody waiting for long: its slot is given on while
 * its start goes on.
 */
import type { ObjectKey } from '../../api/names.ts'
import type { Clock } from '../../lib/clock.ts'
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
  clock: Pick<Clock, 'after'>
  /** Starts a pod of the revision and remembers how that went. Must not reject. */
  run(verification: Verification): Promise<void>
  /** New ones come in great numbers just now. */
  isCrowd: () => boolean
}

/** Most code loads within seconds. A pod that finds no room, or code that hangs, takes a minute, and two of those would hold up a whole cluster. */
const LONGEST_SLOT_MS = 10_000

export class Verifier {
  readonly #options: VerifierOptions
  /** In order of arrival. */
  readonly #waiting = new Map<ObjectKey, Verification>()
  /** By `namespace/name@revision`: what gives its slot on. */
  readonly #running = new Map<string, () => void>()
  #freeSlots: number
  #isStopped = false

  constructor(options: VerifierOptions) {
    this.#options = options
    this.#freeSlots = options.concurrency
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
    this.#running.forEach((giveOn) => giveOn())
  }

  #next(): void {
    while (this.#freeSlots > 0) {
      const next = this.#first()
      if (!next) return
      this.#waiting.delete(next.key)
      this.#run(next)
    }
  }

  #run(verification: Verification): void {
    const giveOn = this.#takeSlot()
    this.#running.set(identity(verification), giveOn)
    void this.#options.run(verification).finally(() => {
      this.#running.delete(identity(verification))
      giveOn()
    })
  }

  /** Until the first call of what it returns, or for as long as a slot may be held. */
  #takeSlot(): () => void {
    this.#freeSlots -= 1
    let isHeld = true
    const giveOn = () => {
      cancel()
      if (isHeld) this.#freeSlots += 1
      isHeld = false
      this.#next()
    }
    const cancel = this.#options.clock.after(LONGEST_SLOT_MS, giveOn)
    return giveOn
  }

  #first(): Verification | undefined {
    const waiting = [...this.#waiting.values()]
    return waiting.find(({ isUpdate }) => isUpdate) ?? (this.#options.isCrowd() ? undefined : waiting[0])
  }
}

const identity = ({ key, template }: Verification) => `${key}@${template.revision}`
