/** One function: what its owner asks, without a line of code of theirs. */
import type { Dashboard, Panel, Row } from './model.ts'
import { perSecond, planesPerSecond, planesQuantile, quantile, quantiles, seen } from './promql.ts'
import { FUNCTION, NAMESPACE, OF_FUNCTION } from './variables.ts'

const numbers: Panel[] = [
  {
    ...{ kind: 'number', title: 'Calls', unit: 'reqps' },
    description: 'Requests and event calls per second.',
    queries: [
      {
        expr: `sum(rate(dormouse_gateway_requests_total{${OF_FUNCTION}}[$__rate_interval]) or rate(dormouse_dispatcher_call_duration_seconds_count{${OF_FUNCTION}}[$__rate_interval]))`,
        legend: 'calls',
      },
    ],
  },
  {
    ...{ kind: 'number', title: 'Failed requests', unit: 'percentunit', warn: 0.001, bad: 0.05 },
    description: 'Share of requests answered with 5xx, by the function or by the platform.',
    queries: [
      {
        expr:
          `(${perSecond('dormouse_gateway_requests_total', `${OF_FUNCTION},outcome="5xx"`)} or vector(0))` +
          ` / ${perSecond('dormouse_gateway_requests_total', OF_FUNCTION)}`,
        legend: 'failed',
      },
    ],
  },
  {
    ...{ kind: 'number', title: 'Latency, p95', unit: 's' },
    description: 'Of requests: arrival to the last byte of the answer, cold starts included.',
    queries: [
      { expr: quantile(0.95, 'dormouse_gateway_request_duration_seconds', { matchers: OF_FUNCTION }), legend: 'p95' },
    ],
  },
  {
    ...{ kind: 'number', title: 'Cold start, p95', unit: 's' },
    description: 'Of calls that had to wake a pod: their whole time until the answer began.',
    queries: [
      { expr: planesQuantile(0.95, 'cold_start_seconds', { matchers: `${OF_FUNCTION},phase="total"` }), legend: 'p95' },
    ],
  },
  {
    ...{ kind: 'number', title: 'Ready pods', unit: 'short' },
    description: 'Pods that serve it now; 0 while it sleeps.',
    queries: [
      {
        expr: `${seen('dormouse_controller_function_pods', `${OF_FUNCTION},stage="ready"`, 'function')} or vector(0)`,
        legend: 'pods',
      },
    ],
  },
  {
    ...{ kind: 'number', title: 'Cost', unit: 'suffix:GB·s' },
    description:
      'Billed GB-seconds in the time shown: duration as the runtime reports it × memory limit, of requests and events.',
    queries: [
      {
        expr: `(sum(increase(dormouse_gateway_billed_gb_seconds_total{${OF_FUNCTION}}[$__range])) or vector(0)) + (sum(increase(dormouse_dispatcher_billed_gb_seconds_total{${OF_FUNCTION}}[$__range])) or vector(0))`,
        legend: 'GB-seconds',
      },
    ],
  },
]

const requests: Row = {
  title: 'Requests',
  panels: [
    {
      ...{ kind: 'lines', title: 'Rate by outcome', unit: 'reqps', stacked: true },
      description: 'aborted: the client left; broken: cut after the answer had begun.',
      queries: [{ expr: perSecond('dormouse_gateway_requests_total', OF_FUNCTION, 'outcome'), legend: '{{outcome}}' }],
    },
    {
      ...{ kind: 'lines', title: 'Errors', unit: 'reqps' },
      description:
        '5xx in all, and those of them that the platform answered, by code of docs/problems.md: the rest are the function’s own.',
      queries: [
        { expr: perSecond('dormouse_gateway_requests_total', `${OF_FUNCTION},outcome="5xx"`), legend: 'all 5xx' },
        { expr: perSecond('dormouse_gateway_errors_total', OF_FUNCTION, 'code'), legend: '{{code}}' },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Latency', unit: 's' },
      description: 'Arrival to the last byte of the answer.',
      queries: quantiles('dormouse_gateway_request_duration_seconds', OF_FUNCTION),
    },
  ],
}

const waking: Row = {
  title: 'Cold starts',
  panels: [
    {
      ...{ kind: 'lines', title: 'Cold starts by phase, p95', unit: 's' },
      description:
        'wait: until there was a slot, of that pod, specialize and init (loading the code); first-byte: the function’s own time until its answer began.',
      queries: [
        {
          expr: planesQuantile(0.95, 'cold_start_seconds', { matchers: OF_FUNCTION, by: 'phase' }),
          legend: '{{phase}}',
        },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Cold starts', unit: 'cps' },
      description: 'Calls per second that had to wake a pod. A longer idleAfter or scaling.min makes them rarer.',
      queries: [
        { expr: planesPerSecond('cold_start_seconds_count', `${OF_FUNCTION},phase="total"`), legend: 'cold starts' },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Wake-ups by outcome', unit: 'cps' },
      description: 'What controllers answered; at-capacity: it has all pods that scaling.max allows.',
      queries: [{ expr: planesPerSecond('activations_total', OF_FUNCTION, 'outcome'), legend: '{{outcome}}' }],
    },
  ],
}

const capacity: Row = {
  title: 'Concurrency, pods, cost',
  panels: [
    {
      ...{ kind: 'lines', title: 'Concurrency and queue', unit: 'short' },
      description: 'Calls running and calls waiting for a slot. A queue that stays: raise scaling.max or concurrency.',
      queries: [
        { expr: `sum(dormouse_gateway_in_flight{${OF_FUNCTION}})`, legend: 'running' },
        { expr: `sum(dormouse_gateway_queued{${OF_FUNCTION}})`, legend: 'waiting' },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Pods', unit: 'short' },
      description: 'Pods by stage, beside how many the autoscaler wants.',
      queries: [
        { expr: seen('dormouse_controller_function_pods', OF_FUNCTION, 'stage'), legend: '{{stage}}' },
        { expr: seen('dormouse_controller_desired_pods', OF_FUNCTION, 'function'), legend: 'wanted' },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Sent to another pod', unit: 'cps' },
      description:
        'Calls that a pod had provably not begun and that went to another one: busy, leaving, connect. Callers notice nothing.',
      queries: [{ expr: planesPerSecond('replays_total', OF_FUNCTION, 'reason'), legend: '{{reason}}' }],
    },
    {
      ...{ kind: 'lines', title: 'Memory billed and reserved', unit: 'suffix:GB' },
      description:
        'Billed: memory of running invocations (GB-seconds per second), by who called. Reserved: the limits of all its pods. The gap is idle pods.',
      queries: [
        { expr: perSecond('dormouse_gateway_billed_gb_seconds_total', OF_FUNCTION), legend: 'requests' },
        { expr: perSecond('dormouse_dispatcher_billed_gb_seconds_total', OF_FUNCTION), legend: 'events' },
        {
          expr: `${seen('dormouse_controller_function_memory_bytes', OF_FUNCTION, 'function')} / 2^30`,
          legend: 'reserved',
        },
      ],
    },
  ],
}

const events: Row = {
  title: 'Events',
  panels: [
    {
      ...{ kind: 'lines', title: 'Attempts by outcome', unit: 'cps', stacked: true },
      description: 'Records, ticks and asynchronous invocations of all its Triggers: how attempts at them ended.',
      queries: [
        { expr: perSecond('dormouse_dispatcher_attempts_total', OF_FUNCTION, 'outcome'), legend: '{{outcome}}' },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Duration of event calls', unit: 's' },
      description: 'From when a pod got the call to the end of its answer.',
      queries: quantiles('dormouse_dispatcher_call_duration_seconds', OF_FUNCTION),
    },
    {
      ...{ kind: 'lines', title: 'Due and waiting records', unit: 'short' },
      description: 'Records due and not running, and those that wait for a retry.',
      queries: [
        { expr: `sum(dormouse_dispatcher_due_records{${OF_FUNCTION}})`, legend: 'due' },
        { expr: `sum(dormouse_dispatcher_waiting_records{${OF_FUNCTION}})`, legend: 'wait for retry' },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Dead letters', unit: 'cps' },
      description: 'By class of error. `dormouse dlq list` shows them, `dormouse dlq redrive` delivers them again.',
      queries: [
        {
          expr: perSecond('dormouse_dispatcher_dead_letters_total', OF_FUNCTION, 'name, class'),
          legend: '{{name}} {{class}}',
        },
      ],
    },
  ],
}

export const functionPage: Dashboard = {
  name: 'function',
  title: 'Dormouse / Function',
  description: 'One function: rate, errors, latency, cold starts, concurrency, pods, queue, cost, events.',
  variables: [NAMESPACE, FUNCTION],
  rows: [{ title: 'Now', panels: numbers }, requests, waking, capacity, events],
}
