/** Phases of a call that had to wake its pod, in milliseconds; the keys are labels of the cold-start histograms. */
import type { Call } from './call.ts'

export interface ColdStart {
  /** From the call's start until it had a slot. */
  wait: number
  /** As the controller measured them; absent when the pod was started for someone else. */
  pod?: number
  specialize?: number
  init?: number
  /** From sending it to the pod until its answer began. */
  'first-byte': number
  total: number
}

/** Undefined for a warm call; `nowMs` is when its answer began, by the monotonic clock. */
export function coldStartOf(call: Call, nowMs: number): ColdStart | undefined {
  if (!call.cold) return undefined
  const phases = call.pod === undefined ? undefined : call.lane.phasesOf(call.pod)
  const own = { wait: call.sentMs - call.startedMs, 'first-byte': nowMs - call.sentMs, total: nowMs - call.startedMs }
  if (phases === undefined) return own
  return { ...own, pod: phases.podMs, specialize: phases.specializeMs, init: phases.initMs }
}
