/** A waiter that remembers what it got. */
import { Waiter } from '../../routing/lane.ts'
import type { ProblemError } from '../../routing/problems.ts'
import type { PodSlots } from '../../routing/slot-table.ts'

export class Waiting extends Waiter {
  pod: PodSlots | undefined
  problem: ProblemError | undefined
  override granted(pod: PodSlots): void {
    this.pod = pod
  }
  override rejected(problem: ProblemError): void {
    this.problem = problem
  }
}
