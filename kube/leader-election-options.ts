/** How a replica stands for election; see leader-election.ts. */
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { Cluster } from './cluster.ts'

export interface LeaderElectionOptions {
  cluster: Pick<Cluster, 'create' | 'get' | 'patch'>
  namespace: string
  /** Of the Lease. */
  name: string
  /** Of the Lease, where it has to be made. */
  labels?: Readonly<Record<string, string>>
  /** Of this replica, and of no other that lives: the pod's name. A replica that comes back under its name leads again at once. */
  identity: string
  logger: Logger
  /** Once, and again after each onPause that was not for good. */
  onLead: () => void
  /** It does not lead until onLead is called again. */
  onPause: (reason: string) => void
  /** At most once, after onLead; never for `stop`. Another leads or has led, and this election is over: end the process. */
  onLost: (reason: string) => void
  times?: Partial<LeaderElectionTimes>
  /** For waits. */
  clock?: Clock
  /** Epoch milliseconds, for what people read in the Lease. */
  now?: () => number
}

export interface LeaderElectionTimes {
  /** Others wait for so long after the last sign of a leader. Whole seconds. */
  durationMs: number
  /** A leader that has not renewed for so long leads no longer; the difference is for clocks that run fast and for work in flight. */
  renewDeadlineMs: number
  /** Between renewals that succeed: a write to the API each. */
  renewEveryMs: number
  /** Between looks at another's Lease, and between renewals after one that failed. */
  retryMs: number
}

export const DEFAULT_ELECTION_TIMES: LeaderElectionTimes = {
  durationMs: 6_000,
  renewDeadlineMs: 4_000,
  renewEveryMs: 2_000,
  retryMs: 1_000,
}
