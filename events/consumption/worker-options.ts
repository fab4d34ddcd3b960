/** What a worker of one partition is given by whoever has its consumer. */
import type { Assignment, Consumer } from '../event-log.ts'
import type { Engine } from './engine.ts'
import type { Role } from './entry.ts'
import type { SubscriptionState } from './subscription-state.ts'

export interface WorkerOptions {
  engine: Engine
  state: SubscriptionState
  role: Role
  group: string
  assignment: Assignment
  /** No more records, until it resumes. */
  pause(): void
  resume(): void
  /** Undefined: not offered. */
  handOver: () => Consumer['handOver']
  /** Something of it can be committed. */
  onProgress(acknowledged: number): void
}
