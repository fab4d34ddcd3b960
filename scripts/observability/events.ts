/** The event path: does it keep up, what fails, what is stuck, what was given up. */
import type { Dashboard, Panel, Row } from './model.ts'
import { perSecond } from './promql.ts'
import { CONSUMER_OF_TRIGGER, NAMESPACE, OF_TRIGGER, TRIGGER } from './variables.ts'

const ATTEMPTS = 'dormouse_dispatcher_attempts_total'
const gauge = (name: string, by = 'kind, name') => `sum by (${by}) (dormouse_dispatcher_${name}{${OF_TRIGGER}})`

const numbers: Panel[] = [
  {
    ...{ kind: 'number', title: 'Due', unit: 'short' },
    description: 'Records due and not running, of all chosen Triggers.',
    queries: [{ expr: `sum(dormouse_dispatcher_due_records{${OF_TRIGGER}})`, legend: 'due' }],
  },
  {
    ...{ kind: 'number', title: 'Oldest', unit: 's', warn: 60, bad: 600 },
    description: 'Age of the oldest record that is due and not done.',
    queries: [{ expr: `max(dormouse_dispatcher_oldest_due_seconds{${OF_TRIGGER}})`, legend: 'age' }],
  },
  {
    ...{ kind: 'number', title: 'Attempts', unit: 'cps' },
    description: 'Attempts at records, ticks and asynchronous invocations per second.',
    queries: [{ expr: perSecond(ATTEMPTS, OF_TRIGGER), legend: 'attempts' }],
  },
  {
    ...{ kind: 'number', title: 'Failed attempts', unit: 'percentunit', warn: 0.01, bad: 0.2 },
    description: 'Share of attempts that failed. They are retried; what is left after the last retry is a dead letter.',
    queries: [
      {
        expr: `(${perSecond(ATTEMPTS, `${OF_TRIGGER},outcome!~"done|filtered"`)} or vector(0)) / ${perSecond(ATTEMPTS, OF_TRIGGER)}`,
        legend: 'failed',
      },
    ],
  },
  {
    ...{ kind: 'number', title: 'New dead letters', unit: 'short', bad: 1 },
    description: 'Records that became dead letters in the time shown.',
    queries: [
      {
        expr: `sum(increase(dormouse_dispatcher_dead_letters_total{${OF_TRIGGER}}[$__range])) or vector(0)`,
        legend: 'dead letters',
      },
    ],
  },
  {
    ...{ kind: 'number', title: 'Stuck', unit: 'short', bad: 1 },
    description: 'Records that have used up their attempts and stop their key or partition (onExhausted: block).',
    queries: [{ expr: `sum(dormouse_dispatcher_blocked_records{${OF_TRIGGER}})`, legend: 'blocked' }],
  },
]

const lag: Row = {
  title: 'Lag',
  panels: [
    {
      ...{ kind: 'lines', title: 'Due records', unit: 'short' },
      description:
        'Lag per Trigger: records due and not running, summed over dispatchers. It grows while calls running do not: raise scaling.max.',
      queries: [{ expr: gauge('due_records'), legend: '{{kind}} {{name}}' }],
    },
    {
      ...{ kind: 'lines', title: 'Oldest due record', unit: 's' },
      description: 'Age of the oldest record due and not done; in a retry tier since it was due.',
      queries: [
        {
          expr: `max by (kind, name) (dormouse_dispatcher_oldest_due_seconds{${OF_TRIGGER}})`,
          legend: '{{kind}} {{name}}',
        },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Calls running and startable', unit: 'short' },
      description: 'Startable calls could begin now: what the function is scaled by.',
      queries: [
        { expr: gauge('in_flight'), legend: '{{name}} running' },
        { expr: gauge('startable_calls'), legend: '{{name}} startable' },
      ],
    },
  ],
}

const attempts: Row = {
  title: 'Attempts, retries, dead letters',
  panels: [
    {
      ...{ kind: 'lines', title: 'Attempts by outcome', unit: 'cps', stacked: true },
      description: 'done and filtered are good ends; all others are classes of errors, see docs/events.md.',
      queries: [{ expr: perSecond(ATTEMPTS, OF_TRIGGER, 'outcome'), legend: '{{outcome}}' }],
    },
    {
      ...{ kind: 'lines', title: 'Retries by tier', unit: 'cps' },
      description:
        'Records sent to a retry tier, by its delay in milliseconds. Weight in the long ones: failures that last.',
      queries: [{ expr: perSecond('dormouse_dispatcher_retries_total', OF_TRIGGER, 'delay'), legend: '{{delay}} ms' }],
    },
    {
      ...{ kind: 'lines', title: 'Waiting for their retry', unit: 'short' },
      description: 'Records read that wait in a tier or, ordered, in place.',
      queries: [{ expr: gauge('waiting_records'), legend: '{{kind}} {{name}}' }],
    },
    {
      ...{ kind: 'lines', title: 'Dead letters', unit: 'cps' },
      description:
        'By Trigger and class of error. `dormouse dlq list` shows them; mend the function, then `dormouse dlq redrive`.',
      queries: [
        {
          expr: perSecond('dormouse_dispatcher_dead_letters_total', OF_TRIGGER, 'kind, name, class'),
          legend: '{{name}} {{class}}',
        },
      ],
    },
    {
      ...{ kind: 'table', title: 'Dead letters since dispatchers began', unit: 'short' },
      description: 'Totals of the dispatchers that run now, by Trigger and class of error.',
      queries: [
        {
          expr: `sum by (kind, name, class) (dormouse_dispatcher_dead_letters_total{${OF_TRIGGER}})`,
          legend: '{{name}}',
        },
      ],
    },
  ],
}

const trouble: Row = {
  title: 'What holds it up',
  panels: [
    {
      ...{ kind: 'lines', title: 'Circuit open', unit: 'bool_on_off' },
      description:
        '1 while most attempts cannot reach the function and only probes are sent. No attempt is used up meanwhile.',
      queries: [
        { expr: `max by (kind, name) (dormouse_dispatcher_circuit_open{${OF_TRIGGER}})`, legend: '{{kind}} {{name}}' },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Holding', unit: 'bool_on_off' },
      description: '1 while nothing starts since the function cannot run. `dormouse trigger describe` says why.',
      queries: [
        { expr: `max by (kind, name) (dormouse_dispatcher_holding{${OF_TRIGGER}})`, legend: '{{kind}} {{name}}' },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Held deliveries, opened circuits', unit: 'cps' },
      description: 'Deliveries put off without an attempt, and circuits that opened.',
      queries: [
        { expr: perSecond('dormouse_dispatcher_held_total', OF_TRIGGER, 'name'), legend: '{{name}} held' },
        {
          expr: perSecond('dormouse_dispatcher_circuit_opened_total', OF_TRIGGER, 'name'),
          legend: '{{name}} circuit opened',
        },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Blocked records', unit: 'short' },
      description: 'Records that have used up their attempts, are tried on, and hold up what comes after them.',
      queries: [{ expr: gauge('blocked_records'), legend: '{{kind}} {{name}}' }],
    },
  ],
}

const log: Row = {
  title: 'Event log',
  panels: [
    {
      ...{ kind: 'lines', title: 'Accepted and refused events', unit: 'cps' },
      description:
        'Asynchronous invocations and published records at gateways; events-unavailable: the log is away or full.',
      queries: [
        { expr: perSecond('dormouse_gateway_events_total', '', 'what, outcome'), legend: '{{what}} {{outcome}}' },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Commit latency', unit: 's' },
      description: 'Mean time of a commit of offsets. Asynchronous invocations share one consumer, named *.',
      queries: [
        {
          expr: `${perSecond('dormouse_dispatcher_commit_seconds_total', CONSUMER_OF_TRIGGER, 'name')} / ${perSecond('dormouse_dispatcher_commits_total', `${CONSUMER_OF_TRIGGER},outcome="done"`, 'name')}`,
          legend: '{{name}}',
        },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Trouble with the log', unit: 'cps' },
      description:
        'Errors that consumers met and went on after, commits and publishes that failed and are tried again.',
      queries: [
        {
          expr: perSecond('dormouse_dispatcher_log_errors_total', CONSUMER_OF_TRIGGER, 'name'),
          legend: '{{name}} errors',
        },
        {
          expr: perSecond('dormouse_dispatcher_commits_total', `${CONSUMER_OF_TRIGGER},outcome="failed"`, 'name'),
          legend: '{{name}} failed commits',
        },
        {
          expr: perSecond('dormouse_dispatcher_publish_failures_total', OF_TRIGGER, 'name'),
          legend: '{{name}} failed publishes',
        },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Repeats skipped', unit: 'cps' },
      description: 'Records read again that were done already: after partitions moved between dispatchers.',
      queries: [
        { expr: perSecond('dormouse_dispatcher_duplicates_skipped_total', OF_TRIGGER, 'name'), legend: '{{name}}' },
      ],
    },
  ],
}

export const events: Dashboard = {
  name: 'events',
  title: 'Dormouse / Events',
  description: 'Triggers and asynchronous invocations: lag, attempts, retries, dead letters, circuits.',
  variables: [NAMESPACE, TRIGGER],
  rows: [{ title: 'Now', panels: numbers }, lag, attempts, trouble, log],
}
