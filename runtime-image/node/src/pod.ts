/** What this process is at the moment. The single place that says who may have it and whether a request may run. */
import type { RefusedReason } from './answer.ts'
import type { ErrorObject } from './error-object.ts'
import type { Invocation } from './invocation.ts'
import type { UserFunction } from './load-handler.ts'
import type { Specialization } from './specialization.ts'
import { SecretText } from './secret-text.ts'
import type { WatchdogBoard } from './watchdog-board.ts'

export type PodState = 'generic' | 'specializing' | 'specialized' | 'leaving'

export interface Loaded {
  user: UserFunction
  codeDir: string
  initMs: number
}

export type Admission = { kind: 'admitted' } | { kind: 'refused'; reason: RefusedReason } | { kind: 'wrong-key' }

export class Pod {
  state: PodState = 'generic'
  /** The first valid specialize's body: from then on nobody else gets the pod. */
  claim: Specialization | undefined
  loaded: Loaded | undefined
  failed: ErrorObject | undefined
  board: WatchdogBoard | undefined
  /** Every accepted request that still holds one of the `concurrency` slots. */
  readonly running = new Set<Invocation>()
  private dataKey: SecretText | undefined

  take(claim: Specialization): void {
    this.state = 'specializing'
    this.claim = claim
    this.dataKey = new SecretText(claim.dataKey)
  }

  /** Without effect if the pod began to leave meanwhile. */
  become(loaded: Loaded): void {
    this.loaded = loaded
    if (this.state === 'specializing') this.state = 'specialized'
  }

  /** Of a request that names `key`. Counting is left to the caller: admitting does not take a slot. */
  admit(key: string | undefined): Admission {
    if (this.dataKey !== undefined && !this.dataKey.matches(key)) return { kind: 'wrong-key' }
    if (this.state === 'leaving') return { kind: 'refused', reason: 'leaving' }
    if (this.claim === undefined || this.loaded === undefined) return { kind: 'refused', reason: 'not-specialized' }
    if (this.running.size >= this.claim.concurrency) return { kind: 'refused', reason: 'busy' }
    return { kind: 'admitted' }
  }

  /** Body of GET /healthz. */
  health(): Record<string, unknown> {
    const { state, claim, failed } = this
    if (claim === undefined) return { state }
    const name = `${claim.function.namespace}/${claim.function.name}`
    const runs = { function: name, revision: claim.revision, acknowledges: true, proof: claim.proof }
    return { state, ...runs, ...(failed === undefined ? {} : { failed }) }
  }
}
