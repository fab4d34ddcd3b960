/**
 * What every adapter of the EventLog port must do, in words of the port alone (events/event-log.ts). Written to run unchanged against a
 * real broker: names are unique, offsets may have gaps, and rebalances may take as long as the harness says.
 */
import { describe } from '@jest/globals'
import { describeCommitting } from './committing.ts'
import { describeConsuming } from './consuming.ts'
import { describeErrors } from './errors.ts'
import { describeGroups } from './groups.ts'
import { describeHandingOver } from './handing-over.ts'
import type { EventLogHarness } from './harness.ts'
import { describePausing } from './pausing.ts'
import { describeSending } from './sending.ts'
import { describeTopics } from './topics.ts'

export function describeEventLog(name: string, harness: EventLogHarness): void {
  describe(`the ${name} event log:`, () => {
    describeTopics(harness)
    describeSending(harness)
    describeConsuming(harness)
    describePausing(harness)
    describeGroups(harness)
    describeCommitting(harness)
    describeHandingOver(harness)
    describeErrors(harness)
  })
}
