/**
 * Decisions with everything they were made from, as the log of a controller has them at level `debug`. They replay to the same numbers, or
 * show where a change of the algorithm would have decided otherwise: `npm run replay:scaling`.
 */
import type { ObjectKey } from '../../api/names.ts'
import { decide, initialScaleState } from './decide.ts'
import type { ScaleObservation, ScalePolicy, ScaleReason, ScaleState } from './decide.ts'

export interface ScaleRecord {
  /** When it was written. In a log only. */
  time?: string
  function: ObjectKey
  /** On the first line of a function, and again after it was forgotten: what its state began with. */
  initial?: { nowMs: number; desired: number }
  observation: ScaleObservation
  desired: number
  reason: ScaleReason
}

export interface ReplayedDecision {
  record: ScaleRecord
  desired: number
  reason: ScaleReason
}

/** Message of the lines that are recordings. */
export const DECIDED = 'scaling decided'

/** Of a log as logger.ts writes it, among whatever lines. Throws SyntaxError with the number of a line that was cut. */
export function recordsIn(log: string): ScaleRecord[] {
  return log.split('\n').flatMap((line, index) => (line.includes(DECIDED) ? [parseRecord(line, index + 1)] : []))
}

function parseRecord(line: string, lineNumber: number): ScaleRecord {
  try {
    // Whatever was put before it: names of pods, times.
    return JSON.parse(line.slice(line.indexOf('{'))) as ScaleRecord
  } catch (error) {
    throw new SyntaxError(`line ${lineNumber}: expected a recorded decision as JSON, got ${line.slice(0, 80)}`, {
      cause: error,
    })
  }
}

/** Decides everything again, in the order recorded. */
export function replay(records: readonly ScaleRecord[], policy?: ScalePolicy): ReplayedDecision[] {
  const states = new Map<ObjectKey, ScaleState>()
  return records.map((record) => {
    const state = stateFor(record, states)
    const decision = decide(state, record.observation, policy)
    states.set(record.function, decision.state)
    return { record, desired: decision.desired, reason: decision.reason }
  })
}

function stateFor(
  { function: key, initial, observation }: ScaleRecord,
  states: Map<ObjectKey, ScaleState>,
): ScaleState {
  if (initial) return initialScaleState(initial.nowMs, initial.desired)
  return states.get(key) ?? initialScaleState(observation.nowMs, observation.pods)
}
