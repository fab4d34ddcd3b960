import { cutResult, type InvocationLedger, type InvocationState } from './invocation-ledger.ts'

export interface MemoryLedgerLimits {
  entries: number
  /** Of all results together. */
  resultBytes: number
  /** Since it was put. */
  maxAgeMs: number
  /** Epoch milliseconds. */
  now: () => number
}

interface Kept {
  state: InvocationState
  putAtMs: number
}

const DEFAULTS: MemoryLedgerLimits = {
  ...{ entries: 10_000, resultBytes: 32 * 1024 * 1024, maxAgeMs: Infinity },
  now: Date.now,
}

/** The newest of what this process itself has seen. Gone with the process. */
export class MemoryLedger implements InvocationLedger {
  readonly #limits: MemoryLedgerLimits
  /** Those put least lately come first. */
  readonly #states = new Map<string, Kept>()
  #resultBytes = 0

  constructor(limits: Partial<MemoryLedgerLimits> = {}) {
    this.#limits = { ...DEFAULTS, ...limits }
  }

  async put(state: InvocationState): Promise<void> {
    this.keep(state)
  }

  async get(id: string): Promise<InvocationState | undefined> {
    return this.peek(id)
  }

  /** As `put`, at once. `putAtMs`: when it was first told. */
  keep({ result, ...state }: InvocationState, putAtMs = this.#limits.now()): void {
    this.#remove(state.id)
    const kept = result === undefined ? state : { ...state, result: cutResult(result) }
    this.#states.set(kept.id, { state: kept, putAtMs })
    this.#resultBytes += bytesOf(kept)
    const { entries, resultBytes } = this.#limits
    for (const [id, each] of this.#states) {
      if (!this.#isOld(each) && this.#states.size <= entries && this.#resultBytes <= resultBytes) return
      this.#remove(id)
    }
  }

  /** As `get`, at once. */
  peek(id: string): InvocationState | undefined {
    const known = this.#states.get(id)
    return known === undefined || this.#isOld(known) ? undefined : known.state
  }

  #isOld({ putAtMs }: Kept): boolean {
    return this.#limits.now() - putAtMs > this.#limits.maxAgeMs
  }

  #remove(id: string): void {
    const known = this.#states.get(id)
    if (known === undefined) return
    this.#resultBytes -= bytesOf(known.state)
    this.#states.delete(id)
  }
}

const bytesOf = ({ result }: InvocationState) => result?.body.length ?? 0
