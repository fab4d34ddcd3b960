/** Requests to the Kubernetes API, counted for operators: what a cluster adapter tells, as metrics. */
import { DURATION_BUCKETS, type Metrics } from '../lib/metrics.ts'

export interface KubeMetrics {
  /** `status`: of the answer; 0 = there was none. */
  answered(verb: string, status: number, durationMs: number): void
}

/** Registers them once per process. */
export function createKubeMetrics(metrics: Metrics): KubeMetrics {
  const requests = metrics.counter({
    name: 'dormouse_kube_requests_total',
    help: 'Requests to the Kubernetes API by verb and status; none: there was no answer.',
    labels: ['verb', 'code'],
  })
  const durations = metrics.histogram({
    name: 'dormouse_kube_request_duration_seconds',
    help: 'How long the Kubernetes API took to begin its answer.',
    labels: ['verb'],
    buckets: DURATION_BUCKETS,
  })
  return {
    answered(verb, status, durationMs) {
      requests.inc({ verb, code: status === 0 ? 'none' : String(status) })
      durations.observe({ verb }, durationMs / 1_000)
    },
  }
}
