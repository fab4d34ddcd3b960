/** Phases of a request that had to wake its pod, in milliseconds; the keys are labels of the cold-start histogram. */
import { HEADER } from '../../api/names.ts'
import type { Call } from '../../routing/call.ts'

export interface ColdStart {
  /** From the request's arrival until it had a slot. */
  wait: number
  /** As the controller measured them; absent when the pod was started for someone else. */
  pod?: number
  specialize?: number
  init?: number
  /** From sending it to the pod until its answer began. */
  'first-byte': number
  total: number
}

function coldStartOf(call: Call, nowMs: number): ColdStart {
  const phases = call.pod === undefined ? undefined : call.lane.phasesOf(call.pod)
  const own = { wait: call.sentMs - call.startedMs, 'first-byte': nowMs - call.sentMs, total: nowMs - call.startedMs }
  if (phases === undefined) return own
  return { ...own, pod: phases.podMs, specialize: phases.specializeMs, init: phases.initMs }
}

/** `pod=0.0,specialize=5.1,init=2.0,wait=8.3,first-byte=1.9,total=10.2` */
function coldStartHeader(phases: ColdStart): string {
  const order = ['pod', 'specialize', 'init', 'wait', 'first-byte', 'total'] as const
  return order
    .filter((name) => phases[name] !== undefined)
    .map((name) => `${name}=${(phases[name] ?? 0).toFixed(1)}`)
    .join(',')
}

/** Counts a wake-up and adds the header that says its phases; nothing for a warm call. */
export function noteColdStart(call: Call, tally: { coldStart(phases: ColdStart): void }, headers: string[]): void {
  if (!call.cold) return
  const phases = coldStartOf(call, performance.now())
  tally.coldStart(phases)
  headers.push(HEADER.coldStart, coldStartHeader(phases))
}
