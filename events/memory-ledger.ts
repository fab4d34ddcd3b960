import { cutResult, type InvocationLedger, type InvocationState } from './invocation-ledger.ts'

export interface MemoryLedgerLimits {
  entries: number
  /** Of all results together. */
  resultBytes: number
}

const DEFAULTS: MemoryLedgerLimits = { entries: 10_000, resultBytes: 32 * 1024 * 1024 }

/** The newest of what this process itself has seen: for dispatchers that share no store. Gone with the process. */
export class MemoryLedger implements InvocationLedger {
  readonly #limits: MemoryLedgerLimits
  /** Those put least lately come first. */
  readonly #states = new Map<string, InvocationState>()
  #resultBytes = 0

  constructor(limits: Partial<MemoryLedgerLimits> = {}) {
    this.#limits = { ...DEFAULTS, ...limits }
  }

  async put({ result, ...state }: InvocationState): Promise<void> {
    this.#remove(state.id)
    const kept = result === undefined ? state : { ...state, result: cutResult(result) }
    this.#states.set(kept.id, kept)
    this.#resultBytes += bytesOf(kept)
    const { entries, resultBytes } = this.#limits
    for (const id of this.#states.keys()) {
      if (this.#states.size <= entries && this.#resultBytes <= resultBytes) return
      this.#remove(id)
    }
  }

  async get(id: string): Promise<InvocationState | undefined> {
    return this.#states.get(id)
  }

  #remove(id: string): void {
    const known = this.#states.get(id)
    if (known === undefined) return
    this.#resultBytes -= bytesOf(known)
    this.#states.delete(id)
  }
}

const bytesOf = ({ result }: InvocationState) => result?.body.length ?? 0
