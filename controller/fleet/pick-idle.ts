import type { PodRecord } from './pod-record.ts'

/** Which waiting pod a start takes. Pure. The leader the first, others the last: two controllers that wake at once seldom want the same. */
export function pickIdle(
  pods: Iterable<PodRecord>,
  { template, leads }: { template: string; leads: boolean },
): PodRecord | undefined {
  let last: PodRecord | undefined
  for (const pod of pods) {
    if (pod.stage !== 'idle' || pod.template !== template) continue
    if (leads) return pod
    last = pod
  }
  return last
}
