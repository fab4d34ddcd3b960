/** Metrics of the event path, read at every scrape from what the consumptions count: series go with their Trigger. */
import type { Consumers } from '../events/consumption/stats.ts'
import type { SubscriptionState } from '../events/consumption/subscription-state.ts'
import type { Counter, Metrics } from '../lib/metrics.ts'

type Labels = 'kind' | 'name' | 'function'
const LABELS = ['kind', 'name', 'function'] as const
/** Asynchronous invocations of all functions share their consumers. */
const CONSUMER_LABELS = ['kind', 'name'] as const

/** Those of a Trigger, or of all asynchronous invocations. */
export interface ConsumersOf {
  kind: 'trigger' | 'async'
  name: string
  consumers: Consumers
}

export interface MetricsSource {
  /** Of all Triggers, and of functions that were invoked asynchronously. */
  states(): Iterable<SubscriptionState>
  consumers(): Iterable<ConsumersOf>
  /** Epoch milliseconds. */
  now(): number
}

export function registerMetrics(metrics: Metrics, source: MetricsSource): void {
  const each: Each = (visit) => {
    for (const state of source.states()) {
      const { kind, key, functionKey } = state.subscription
      visit({ kind, name: key, function: functionKey }, state)
    }
  }
  registerOutcomes(metrics, each)
  registerConsumers(metrics, () => source.consumers())
  for (const [name, help, of] of COUNTERS) {
    metrics.counter({
      ...{ name: `dormouse_dispatcher_${name}`, help, labels: LABELS },
      collect: (counter) => {
        counter.reset()
        // At 0 too: what appears with its first increase has none to show for Prometheus.
        each((labels, state) => counter.inc(labels, of(state)))
      },
    })
  }
  for (const [name, help, of] of GAUGES) {
    metrics.gauge({
      ...{ name: `dormouse_dispatcher_${name}`, help, labels: LABELS },
      collect: (gauge) => {
        gauge.reset()
        each((labels, state) => gauge.set(labels, of(state, source.now())))
      },
    })
  }
}

function registerConsumers(metrics: Metrics, consumers: MetricsSource['consumers']): void {
  metrics.counter({
    name: 'dormouse_dispatcher_commits_total',
    help: 'Commits of offsets.',
    labels: [...CONSUMER_LABELS, 'outcome'] as const,
    collect: (counter) => {
      counter.reset()
      for (const { kind, name, consumers: of } of consumers()) {
        counter.inc({ kind, name, outcome: 'done' }, total(of, 'commits'))
        counter.inc({ kind, name, outcome: 'failed' }, total(of, 'commitFailures'))
      }
    },
  })
  for (const [name, help, of] of CONSUMER_COUNTERS) {
    metrics.counter({
      ...{ name: `dormouse_dispatcher_${name}`, help, labels: CONSUMER_LABELS },
      collect: (counter) => {
        counter.reset()
        for (const each of consumers()) counter.inc({ kind: each.kind, name: each.name }, of(each.consumers))
      },
    })
  }
  metrics.gauge({
    ...{ name: 'dormouse_dispatcher_last_commit_seconds', help: 'How long the last commit of offsets took.' },
    labels: CONSUMER_LABELS,
    collect: (gauge) => {
      gauge.reset()
      for (const { kind, name, consumers: of } of consumers()) {
        const lastMs = of.sources.lastCommitMs
        if (lastMs !== undefined) gauge.set({ kind, name }, lastMs / 1_000)
      }
    },
  })
}

type Reading<Of> = readonly [name: string, help: string, of: Of]

const COUNTERS: readonly Reading<(state: SubscriptionState) => number>[] = [
  ['held_total', 'Deliveries put off without an attempt.', ({ stats }) => stats.held],
  ['duplicates_skipped_total', 'Records read again that were done.', ({ stats }) => stats.duplicates],
  [
    'publish_failures_total',
    'Publishes to retry tiers and dead letters that failed; their records stay.',
    ({ stats }) => stats.publishFailures,
  ],
  ['circuit_opened_total', 'Times that the circuit opened.', ({ stats }) => stats.circuitOpened],
]

const CONSUMER_COUNTERS: readonly Reading<(consumers: Consumers) => number>[] = [
  ['commit_seconds_total', 'Time that commits of offsets took.', (consumers) => total(consumers, 'commitMs') / 1_000],
  ['rebalances_total', 'Times that consumers were given partitions.', (all) => total(all, 'rebalances')],
  [
    'hand_overs_total',
    'Retries and dead letters stored with their commit as one, in groups.',
    (all) => total(all, 'handOvers'),
  ],
  [
    'hand_overs_lost_total',
    'Hand-overs of partitions that went to others meanwhile, who know what became of them.',
    (all) => total(all, 'handOversLost'),
  ],
  ['log_errors_total', 'Errors of the log that consumers met and went on after.', (all) => total(all, 'errors')],
]

const GAUGES: readonly Reading<(state: SubscriptionState, nowMs: number) => number>[] = [
  ['due_records', 'Records due and not running, as far as is known.', (state) => state.due],
  [
    'startable_calls',
    'Calls that could begin now: what the function is scaled by.',
    ({ startable }) => startable.calls,
  ],
  [
    'waiting_records',
    'Records read that wait for their retry.',
    (state) => sum(state, 'notDue') + sum(state, 'waitingInPlace'),
  ],
  ['blocked_records', 'Records that stop their key or partition for good.', blocked],
  [
    'oldest_due_seconds',
    'Age of the oldest record due and not done; in a retry tier since it was due.',
    (state, nowMs) => (state.oldestDueAgeMs(nowMs) ?? 0) / 1_000,
  ],
  ['in_flight', 'Calls running.', (state) => sum(state, 'running')],
  ['circuit_open', '1 while most attempts cannot reach the function.', (state) => Number(state.circuitOpen)],
  ['holding', '1 while nothing starts: the function cannot run.', ({ hold }) => Number(hold.reason !== undefined)],
]

type Each = (visit: (labels: Record<Labels, string>, state: SubscriptionState) => void) => void

function registerOutcomes(metrics: Metrics, each: Each): void {
  metrics.counter({
    name: 'dormouse_dispatcher_attempts_total',
    help: 'Attempts by how they ended.',
    labels: [...LABELS, 'outcome'] as const,
    collect: (counter) => {
      counter.reset()
      each((labels, { stats }) => {
        counter.inc({ ...labels, outcome: 'done' }, stats.done)
        if (stats.filtered > 0) counter.inc({ ...labels, outcome: 'filtered' }, stats.filtered)
        addAll(counter, labels, { counts: stats.failed, label: 'outcome' })
        addAll(counter, labels, { counts: stats.rejected, label: 'outcome' })
      })
    },
  })
  metrics.counter({
    name: 'dormouse_dispatcher_retries_total',
    help: 'Retries by their delay in milliseconds.',
    labels: [...LABELS, 'delay'] as const,
    collect: (counter) => {
      counter.reset()
      each((labels, { stats }) => addAll(counter, labels, { counts: stats.retriedAfterMs, label: 'delay' }))
    },
  })
  metrics.counter({
    name: 'dormouse_dispatcher_dead_letters_total',
    help: 'Records that became dead letters, by class of error.',
    labels: [...LABELS, 'class'] as const,
    collect: (counter) => {
      counter.reset()
      each((labels, { stats }) => addAll(counter, labels, { counts: stats.deadLetters, label: 'class' }))
    },
  })
}

function addAll<L extends string>(
  counter: Counter<Labels | L>,
  labels: Record<Labels, string>,
  { counts, label }: { counts: ReadonlyMap<string | number, number>; label: L },
): void {
  for (const [value, count] of counts) {
    counter.inc({ ...labels, [label]: String(value) } as Record<Labels | L, string>, count)
  }
}

function sum({ workers }: SubscriptionState, field: 'notDue' | 'waitingInPlace' | 'running'): number {
  let total = 0
  for (const worker of workers) total += worker[field]
  return total
}

function blocked({ workers }: SubscriptionState): number {
  let records = 0
  for (const worker of workers) records += worker.blocked.size
  return records
}

function total(
  { sources, tiers }: Consumers,
  field: 'commits' | 'commitFailures' | 'commitMs' | 'errors' | 'handOvers' | 'handOversLost' | 'rebalances',
): number {
  return sources[field] + tiers[field]
}
