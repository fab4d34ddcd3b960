/** How a subscription stands, for operators: per partition what is left and why it waits, and what happened so far. */
import type { PartitionInfo, SubscriptionInfo } from '../../api/events-api.ts'
import type { PartitionEnds } from '../event-log.ts'
import { oldestDueAgeMs } from './backlog.ts'
import type { Engine } from './engine.ts'
import type { PartitionWorker } from './partition-worker.ts'
import type { Consumers } from './stats.ts'
import type { SubscriptionState } from './subscription-state.ts'

export interface Workers {
  sources: readonly PartitionWorker[]
  tiers: readonly PartitionWorker[]
  consumers: Consumers
}

export async function statusOf(state: SubscriptionState, engine: Engine, workers: Workers): Promise<SubscriptionInfo> {
  const { stats, subscription } = state
  const sources = await partitionsOf(engine, workers.sources)
  const tiers = await partitionsOf(engine, workers.tiers)
  const oldestMs = state.oldestDueAgeMs(engine.wall.now())
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  return {
    key: subscription.key,
    ...{ sources, tiers },
    lag: sum(sources.map(({ lag }) => lag)),
    due: state.due,
    ...(oldestMs !== undefined && { oldestDueAgeMs: oldestMs }),
    running: sum([...sources, ...tiers].map(({ running }) => running)),
    waitingForRetry: sum(tiers.map(({ lag, running }) => lag - running)),
    ...{ done: stats.done, filtered: stats.filtered, held: stats.held },
    ...{ duplicatesSkipped: stats.duplicates, publishFailures: stats.publishFailures },
    failed: Object.fromEntries(stats.failed),
    rejected: Object.fromEntries(stats.rejected),
    retriedAfterMs: Object.fromEntries(stats.retriedAfterMs),
    deadLetters: Object.fromEntries(stats.deadLetters),
    recentErrors: [...stats.recentErrors],
    ...{ circuit: state.circuitOpen ? 'open' : 'closed', circuitOpened: stats.circuitOpened },
    ...(state.hold.reason !== undefined && { holding: state.hold.reason }),
    ...(stats.meanCallMs !== undefined && { meanCallMs: stats.meanCallMs }),
    ...consumersOf(workers.consumers),
  }
}

function consumersOf({ sources, tiers }: Consumers): Pick<SubscriptionInfo, 'commits' | 'logErrors'> {
  const { commits, commitFailures, commitMs, lastCommitMs } = sources
  const last = [sources.lastError, tiers.lastError].sort((a, b) => (b?.atMs ?? 0) - (a?.atMs ?? 0))[0]
  return {
    commits: {
      ...{ done: commits, failed: commitFailures },
      ...(lastCommitMs !== undefined && { meanMs: commitMs / commits, lastMs: lastCommitMs }),
    },
    logErrors: { count: sources.errors + tiers.errors, ...(last && { last }) },
  }
}

async function partitionsOf(engine: Engine, workers: readonly PartitionWorker[]): Promise<PartitionInfo[]> {
  const ends = new Map<string, PartitionEnds[]>()
  for (const { id } of workers) {
    if (!ends.has(id.topic)) ends.set(id.topic, await engine.log.endOffsets(id.topic).catch(() => []))
  }
  return workers.map((worker) => {
    const { topic, partition } = worker.id
    const end = ends.get(topic)?.find((each) => each.partition === partition)?.end ?? worker.tracker.next
    const { running, notDue, waitingInPlace, isPaused } = worker
    const lag = worker.tracker.pending + Math.max(0, end - worker.tracker.next)
    const ageMs = oldestDueAgeMs(worker, engine.wall.now())
    return {
      ...{ topic, partition, position: worker.tracker.lowWater, end, lag },
      ...{ buffered: worker.tracker.pending - running, running, notDue, waitingInPlace },
      ...{ blocked: worker.blocked.size, isPaused },
      ...(ageMs !== undefined && { oldestDueAgeMs: ageMs }),
    }
  })
}
