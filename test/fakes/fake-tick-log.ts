/** Ticks in a list, with an outage on demand: before anything is stored, or after (the answer is lost). */
import type { ObjectKey } from '../../api/names.ts'
import { tickId, type Tick } from '../../controller/cron/tick.ts'
import type { TickLog } from '../../controller/cron/tick-log.ts'

export class FakeTickLog implements TickLog {
  /** Everything that was ever stored, `HH:MM` of the due time. */
  readonly stored: string[] = []
  readonly ids: string[] = []
  readonly prepared: ObjectKey[] = []
  readonly removed: ObjectKey[] = []
  failure: 'none' | 'before' | 'after' = 'none'
  looks = 0

  async prepare(key: ObjectKey): Promise<void> {
    this.prepared.push(key)
  }

  async store(tick: Tick): Promise<void> {
    if (this.failure === 'before') throw new Error('the log is away')
    this.stored.push(new Date(tick.dueMs).toISOString().slice(11, 16))
    this.ids.push(tickId(tick))
    if (this.failure === 'after') throw new Error('the answer was lost')
  }

  async has(tick: Tick): Promise<boolean> {
    this.looks += 1
    if (this.failure !== 'none') throw new Error('the log is away')
    return this.ids.includes(tickId(tick))
  }

  async remove(key: ObjectKey): Promise<void> {
    this.removed.push(key)
  }
}
