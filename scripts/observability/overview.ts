/** The first page: is it up, is it fast, what is it doing, and which part of it is in trouble. */
import type { Dashboard, Panel, Row } from './model.ts'
import { controlPlane, processes } from './platform-rows.ts'
import { perSecond, planesPerSecond, planesQuantile, quantile, quantiles, seen } from './promql.ts'
import { IN_NAMESPACE, NAMESPACE } from './variables.ts'

const numbers: Panel[] = [
  {
    ...{ kind: 'number', title: 'Requests', unit: 'reqps' },
    description: 'Requests to functions per second, through all gateways.',
    queries: [{ expr: perSecond('dormouse_gateway_requests_total', IN_NAMESPACE), legend: 'requests' }],
  },
  {
    ...{ kind: 'number', title: 'Errors of the platform', unit: 'percentunit', warn: 0.001, bad: 0.02 },
    description: 'Share of requests that the platform answered itself, with a problem, in the place of a function.',
    queries: [
      {
        expr:
          `(${perSecond('dormouse_gateway_errors_total', IN_NAMESPACE)} or vector(0))` +
          ` / ${perSecond('dormouse_gateway_requests_total', IN_NAMESPACE)}`,
        legend: 'errors',
      },
    ],
  },
  {
    ...{ kind: 'number', title: 'Latency, p95', unit: 's' },
    description: 'Of all requests to functions, cold and warm: what their callers wait.',
    queries: [
      { expr: quantile(0.95, 'dormouse_gateway_request_duration_seconds', { matchers: IN_NAMESPACE }), legend: 'p95' },
    ],
  },
  {
    ...{ kind: 'number', title: 'Cold start, p95', unit: 's', warn: 0.5, bad: 3 },
    description: 'Of calls that had to wake a pod: their whole time until the answer began.',
    queries: [
      {
        expr: planesQuantile(0.95, 'cold_start_seconds', { matchers: `${IN_NAMESPACE},phase="total"` }),
        legend: 'p95',
      },
    ],
  },
  {
    ...{ kind: 'number', title: 'Ready pods', unit: 'short' },
    description: 'Pods that serve functions now. Sleeping functions have none.',
    queries: [
      {
        expr: `sum(${seen('dormouse_controller_function_pods', `${IN_NAMESPACE},stage="ready"`, 'function')}) or vector(0)`,
        legend: 'pods',
      },
    ],
  },
  {
    ...{ kind: 'number', title: 'Functions', unit: 'short' },
    description: 'Functions that gateways know, asleep or awake, in all namespaces.',
    queries: [{ expr: 'max(dormouse_gateway_functions)', legend: 'functions' }],
  },
]

const traffic: Row = {
  title: 'Traffic',
  panels: [
    {
      ...{ kind: 'lines', title: 'Requests by outcome', unit: 'reqps', stacked: true },
      description:
        '5xx are failures of functions and of the platform; aborted: the client left; broken: cut after the answer began.',
      queries: [{ expr: perSecond('dormouse_gateway_requests_total', IN_NAMESPACE, 'outcome'), legend: '{{outcome}}' }],
    },
    {
      ...{ kind: 'lines', title: 'Errors of the platform by code', unit: 'reqps' },
      description:
        'Answers the platform gave in a function’s place. docs/problems.md says what each code means and what to do.',
      queries: [{ expr: perSecond('dormouse_gateway_errors_total', IN_NAMESPACE, 'code'), legend: '{{code}}' }],
    },
    {
      ...{ kind: 'lines', title: 'Requests that reached no function', unit: 'reqps' },
      description:
        'Unknown routes and functions, and requests that are no HTTP: the internet knocking, or a missing Trigger.',
      queries: [{ expr: perSecond('dormouse_gateway_rejected_total', '', 'code'), legend: '{{code}}' }],
    },
    {
      ...{ kind: 'lines', title: 'Latency', unit: 's' },
      description: 'Arrival of a request to the last byte of its answer, cold and warm.',
      queries: quantiles('dormouse_gateway_request_duration_seconds', IN_NAMESPACE),
    },
    {
      ...{ kind: 'lines', title: 'Busiest functions', unit: 'reqps' },
      description: 'The ten functions with most calls: requests and events.',
      queries: [
        {
          expr: `topk(10, sum by (function) (rate(dormouse_gateway_requests_total{${IN_NAMESPACE}}[$__rate_interval]) or rate(dormouse_dispatcher_call_duration_seconds_count{${IN_NAMESPACE}}[$__rate_interval])))`,
          legend: '{{function}}',
        },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Waiting calls', unit: 'short' },
      description:
        'Requests and event calls that wait for a free slot. Short peaks are wake-ups; a plateau is a function at its limit.',
      queries: [{ expr: `sum(dormouse_gateway_queued{${IN_NAMESPACE}})`, legend: 'waiting' }],
    },
  ],
}

const waking: Row = {
  title: 'Waking and scaling',
  panels: [
    {
      ...{ kind: 'lines', title: 'Cold starts by phase, p95', unit: 's' },
      description:
        'Where the time of a wake-up goes: wait (until there was a slot), of that pod, specialize and init (loading code); first-byte (the function’s own time); total.',
      queries: [
        {
          expr: planesQuantile(0.95, 'cold_start_seconds', { matchers: IN_NAMESPACE, by: 'phase' }),
          legend: '{{phase}}',
        },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Starts of pods by source', unit: 'cps' },
      description:
        'From a pool a start takes milliseconds; a new pod has to be scheduled and booted. Much “new” means pools are too small.',
      queries: [
        {
          expr: perSecond('dormouse_controller_cold_start_seconds_count', 'phase="total"', 'source'),
          legend: '{{source}}',
        },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Wake-ups by outcome', unit: 'cps' },
      description:
        'What controllers answered data planes that asked for pods; all but endpoint and at-capacity are failures.',
      queries: [{ expr: perSecond('dormouse_controller_activations_total', '', 'outcome'), legend: '{{outcome}}' }],
    },
    {
      ...{ kind: 'lines', title: 'Pods by stage', unit: 'short', stacked: true },
      description:
        'All pods of Dormouse: booting and idle ones wait in pools; starting, taken and ready ones belong to functions.',
      queries: [{ expr: seen('dormouse_controller_pods', '', 'stage'), legend: '{{stage}}' }],
    },
    {
      ...{ kind: 'lines', title: 'Pools', unit: 'short' },
      description: 'Warm pods that wait, beside how many should, per namespace and Runtime.',
      queries: [
        { expr: seen('dormouse_controller_pool_pods', 'stage="ready"', 'pool'), legend: '{{pool}} ready' },
        { expr: seen('dormouse_controller_pool_wanted_pods', '', 'pool'), legend: '{{pool}} wanted' },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Changes of scale', unit: 'cps' },
      description:
        'Decisions of the autoscaler by reason; docs/metrics.md explains them. Steady ups and downs of one function: its scaling flaps.',
      queries: [
        {
          expr: perSecond('dormouse_controller_scale_changes_total', '', 'direction, reason'),
          legend: '{{direction}}: {{reason}}',
        },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Pods that ended unwanted', unit: 'cps' },
      description:
        'Pods that died or were given up although they were wanted, by reason. oom-killed: raise the function’s memory.',
      queries: [{ expr: perSecond('dormouse_controller_pods_ended_total', '', 'reason'), legend: '{{reason}}' }],
    },
    {
      ...{ kind: 'lines', title: 'Pods that do not come up', unit: 'short' },
      description:
        'Boot failures in a row per pool, and pods that the API refused to create (quota, admission) per second.',
      queries: [
        { expr: seen('dormouse_controller_pool_boot_failures', '', 'pool'), legend: '{{pool}} failures in a row' },
        { expr: perSecond('dormouse_controller_pod_create_failures_total'), legend: 'refused per second' },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Billed', unit: 'suffix:GB' },
      description:
        'Memory in use by running invocations, in GB, all functions: GB-seconds per second. Requests and events.',
      queries: [
        { expr: planesPerSecond('billed_gb_seconds_total', IN_NAMESPACE), legend: 'billed' },
        {
          expr: `sum(${seen('dormouse_controller_function_memory_bytes', IN_NAMESPACE, 'function')}) / 2^30`,
          legend: 'reserved',
        },
      ],
    },
  ],
}

export const overview: Dashboard = {
  name: 'overview',
  title: 'Dormouse / Overview',
  description: 'All functions and every part of the platform.',
  variables: [NAMESPACE],
  rows: [{ title: 'Now', panels: numbers }, traffic, waking, controlPlane, processes],
}
