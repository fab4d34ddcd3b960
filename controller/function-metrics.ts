/** What each function has of the cluster right now; only functions with pods, and none that is deleted. */
import type { Metrics } from '../lib/metrics.ts'
import type { Fleet } from './fleet/fleet.ts'
import type { ServingBook } from './functions/serving.ts'

const MIB = 1024 * 1024

export interface FunctionMetricsSource {
  serving: Pick<ServingBook, 'all'>
  fleet: Pick<Fleet, 'pods'>
}

export function registerFunctionMetrics(metrics: Metrics, { serving, fleet }: FunctionMetricsSource): void {
  metrics.gauge({
    name: 'dormouse_controller_function_pods',
    help: 'Pods of a function by stage: starting, ready, leaving.',
    labels: ['function', 'stage'],
    collect: (gauge) => {
      gauge.reset()
      for (const { key } of serving.all())
        for (const { phase } of fleet.pods(key)) gauge.inc({ function: key, stage: phase })
    },
  })
  metrics.gauge({
    name: 'dormouse_controller_function_memory_bytes',
    help: 'Memory limits of all pods of a function together.',
    labels: ['function'],
    collect: (gauge) => {
      gauge.reset()
      for (const { key, memoryMb } of serving.all()) {
        const pods = fleet.pods(key).length
        if (pods > 0) gauge.set({ function: key }, pods * memoryMb * MIB)
      }
    },
  })
}
