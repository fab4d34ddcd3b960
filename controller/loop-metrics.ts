/** Numbers of the control loops: one set of metrics, a label per loop. */
import type { ControlLoopMetrics } from '../kube/control-loop.ts'
import { DURATION_BUCKETS } from '../lib/metrics.ts'
import type { Metrics } from '../lib/metrics.ts'

/** Registers them once per process; the result makes those of one loop. */
export function createLoopMetrics(metrics: Metrics): (loop: string) => ControlLoopMetrics {
  const reconciles = metrics.counter({
    name: 'dormouse_controller_reconciles_total',
    help: 'Reconciles by control loop and outcome.',
    labels: ['loop', 'outcome'],
  })
  const durations = metrics.histogram({
    name: 'dormouse_controller_reconcile_duration_seconds',
    help: 'How long one reconcile took.',
    labels: ['loop'],
    buckets: DURATION_BUCKETS,
  })
  const waiting = metrics.gauge({
    name: 'dormouse_controller_queue_keys',
    help: 'Keys that wait to be reconciled.',
    labels: ['loop'],
  })
  return (loop) => ({
    reconciled(outcome, durationMs) {
      reconciles.inc({ loop, outcome })
      durations.observe({ loop }, durationMs / 1_000)
    },
    depth: (keys) => waiting.set({ loop }, keys),
  })
}
