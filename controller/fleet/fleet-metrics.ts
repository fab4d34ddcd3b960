import { COLD_START_BUCKETS, type Counter, type Histogram, type Metrics } from '../../lib/metrics.ts'
import type { Startup } from './fleet.ts'
import type { PodStage } from './pod-record.ts'

export interface FleetMetrics {
  coldStart: Histogram<'phase' | 'source'>
  podsEnded: Counter<'reason'>
  specializeFailures: Counter<'reason'>
  labelRepairs: Counter
  podCreateFailures: Counter
}

export function createFleetMetrics(metrics: Metrics, countPods: () => Map<PodStage, number>): FleetMetrics {
  metrics.gauge({
    name: 'dormouse_controller_pods',
    help: 'Pods by the stage the controller believes them in.',
    labels: ['stage'],
    collect: (gauge) => {
      gauge.reset()
      for (const [stage, count] of countPods()) gauge.set({ stage }, count)
    },
  })
  return {
    coldStart: metrics.histogram({
      name: 'dormouse_controller_cold_start_seconds',
      help: 'Starts of pods by phase: pod (wait for one), specialize (includes init), init (loading code), total; source pool or new.',
      labels: ['phase', 'source'],
      buckets: COLD_START_BUCKETS,
    }),
    podsEnded: metrics.counter({
      name: 'dormouse_controller_pods_ended_total',
      help: 'Pods that ended or were given up although they were wanted, by reason.',
      labels: ['reason'],
    }),
    specializeFailures: metrics.counter({
      name: 'dormouse_controller_specialize_failures_total',
      help: 'Specializations that did not lead to a ready pod: taken, load-failed, refused, lost.',
      labels: ['reason'],
    }),
    labelRepairs: metrics.counter({
      name: 'dormouse_controller_label_repairs_total',
      help: 'Pods whose labels did not tell their function and were corrected from their own answer.',
    }),
    podCreateFailures: metrics.counter({
      name: 'dormouse_controller_pod_create_failures_total',
      help: 'Pods the API refused to create.',
    }),
  }
}

export function observeStartup({ coldStart }: FleetMetrics, { source, podMs, specializeMs, initMs }: Startup): void {
  const observe = (phase: string, ms: number) => coldStart.observe({ phase, source }, ms / 1000)
  observe('pod', podMs)
  observe('specialize', specializeMs)
  observe('init', initMs)
  observe('total', podMs + specializeMs)
}
