/**
 * Decisions as NDJSON: one line per decision with everything it was made from. A recording taken from a running controller replays
 * to the same numbers, or shows where a change of the algorithm would have decided otherwise.
 */
import type { ObjectKey } from '../../api/names.ts'
import { decide, initialScaleState } from './decide.ts'
import type { ScaleObservation, ScalePolicy, ScaleReason, ScaleState } from './decide.ts'

export interface ScaleRecord {
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

export function formatRecord(record: ScaleRecord): string {
  return `${JSON.stringify(record)}\n`
}

/** Expects what formatRecord wrote; throws SyntaxError with the line number otherwise. Empty lines are skipped. */
export function parseRecords(ndjson: string): ScaleRecord[] {
  return ndjson.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [parseRecord(line, index + 1)]))
}

function parseRecord(line: string, lineNumber: number): ScaleRecord {
  try {
    return JSON.parse(line) as ScaleRecord
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
