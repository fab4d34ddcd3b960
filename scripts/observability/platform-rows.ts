/** Rows about the platform's own processes. */
import type { Row } from './model.ts'
import { perSecond, quantile } from './promql.ts'

export const controlPlane: Row = {
  title: 'Control plane',
  panels: [
    {
      ...{ kind: 'number', title: 'Leaders', unit: 'short', badBelow: 1, bad: 2, width: 4 },
      description: 'Controllers that lead: exactly one reconciles and scales. Wake-ups and the feed need none.',
      queries: [{ expr: 'sum(dormouse_controller_leader)', legend: 'leaders' }],
    },
    {
      ...{ kind: 'number', title: 'Data planes that report', unit: 'short', badBelow: 1, width: 4 },
      description: 'Gateways and dispatchers whose load reports are fresh. Without any nothing is scaled down.',
      queries: [{ expr: 'max(dormouse_controller_load_reporters)', legend: 'reporters' }],
    },
    {
      ...{ kind: 'lines', title: 'Age of the feed', unit: 's' },
      description:
        'Since a data plane last heard of its controller. Heartbeats come every 5 s; above 15 s it has been cut off.',
      queries: [
        { expr: 'max by (instance) (dormouse_gateway_feed_age_seconds)', legend: 'gateway {{instance}}' },
        { expr: 'max by (instance) (dormouse_dispatcher_feed_age_seconds)', legend: 'dispatcher {{instance}}' },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Objects waiting to be reconciled', unit: 'short' },
      description: 'Per loop. Peaks after a restart are normal; what stays up is a controller that is behind.',
      queries: [{ expr: 'sum by (loop) (dormouse_controller_queue_keys)', legend: '{{loop}}' }],
    },
    {
      ...{ kind: 'lines', title: 'Reconciles', unit: 'ops' },
      description: 'By loop and outcome; error is tried again, terminal waits for a change of the object.',
      queries: [
        {
          expr: perSecond('dormouse_controller_reconciles_total', '', 'loop, outcome'),
          legend: '{{loop}} {{outcome}}',
        },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Reconcile duration, p95', unit: 's' },
      description: 'How long one reconcile takes. It is mostly waiting for the Kubernetes API.',
      queries: [
        { expr: quantile(0.95, 'dormouse_controller_reconcile_duration_seconds', { by: 'loop' }), legend: '{{loop}}' },
      ],
    },
    {
      ...{ kind: 'lines', title: 'Requests to the Kubernetes API', unit: 'reqps' },
      description:
        'By verb and code. At rest there are no writes. 409 are races that are tried again; 403 is missing RBAC.',
      queries: [
        {
          expr: perSecond('dormouse_kube_requests_total', '', 'verb, code'),
          legend: '{{verb}} {{code}}',
        },
      ],
    },
  ],
}

/** A process is ours, and which part it is, by a metric that only that part has. */
const PARTS = {
  gateway: 'dormouse_gateway_functions',
  dispatcher: 'dormouse_dispatcher_functions',
  controller: 'dormouse_controller_load_reporters',
}
const byPart = (expr: string) =>
  Object.entries(PARTS).map(([part, mark]) => ({
    expr: `${expr} and on (instance) ${mark}`,
    legend: `${part} {{instance}}`,
  }))

export const processes: Row = {
  title: 'Processes',
  panels: [
    {
      ...{ kind: 'lines', title: 'Processor', unit: 'percentunit' },
      description: 'Cores in use by each process of the platform. Each runs JavaScript on one: near 1 it is saturated.',
      queries: byPart('rate(process_cpu_seconds_total[$__rate_interval])'),
    },
    {
      ...{ kind: 'lines', title: 'Memory', unit: 'bytes' },
      description: 'Resident memory of each process of the platform.',
      queries: byPart('process_resident_memory_bytes'),
    },
    {
      ...{ kind: 'lines', title: 'Event loop delay, p99', unit: 's' },
      description: 'How late callbacks ran. Tens of milliseconds here are tens of milliseconds on every request.',
      queries: byPart('nodejs_eventloop_lag_p99_seconds'),
    },
  ],
}
