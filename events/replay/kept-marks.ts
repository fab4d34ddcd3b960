/**
 * What was replayed is remembered for as long as there are dead letters. Kafka forgets what a group has committed when nobody was in it for
 * a week (offsets.retention.minutes), and dead letters stay for two: whoever joins the replays' group begins the week anew.
 */
import type { Clock } from '../../lib/clock.ts'
import { within } from '../../lib/within.ts'
import type { Consumer, EventLog } from '../event-log.ts'
import { deadLetterTopic, redriveGroup, type TopicOwner } from '../topic-names.ts'

export interface KeptMarksOptions {
  log: EventLog
  clock: Clock
}

const LOOK_EVERY_MS = 60 * 60_000
const JOIN_EVERY_MS = 24 * LOOK_EVERY_MS
const JOIN_MS = 30_000

interface Seen {
  marks: string
  joinedMs: number
}

export class KeptMarks {
  readonly #options: KeptMarksOptions
  readonly #seen = new Map<string, Seen>()
  #lookedMs = -Infinity

  constructor(options: KeptMarksOptions) {
    this.#options = options
  }

  /** Call as often as you like, with all whose dead letters there are. Throws EventLogError. */
  async keep(owners: readonly TopicOwner[]): Promise<void> {
    const nowMs = this.#options.clock.now()
    if (nowMs - this.#lookedMs < LOOK_EVERY_MS) return
    this.#lookedMs = nowMs
    const groups = new Set(owners.map(redriveGroup))
    for (const group of this.#seen.keys()) if (!groups.has(group)) this.#seen.delete(group)
    for (const owner of owners) await this.#look(owner, nowMs)
  }

  /** Who replays at this moment is left alone: he would lose partitions to us, and is in the group himself. */
  async #look(owner: TopicOwner, nowMs: number): Promise<void> {
    const [topic, group] = [deadLetterTopic(owner), redriveGroup(owner)]
    const marks = JSON.stringify(await this.#options.log.committed(group, [topic]))
    const known = this.#seen.get(group)
    const isDue = known?.marks === marks && marks !== NO_MARKS && nowMs - known.joinedMs >= JOIN_EVERY_MS
    if (isDue) await this.#join(group, topic)
    this.#seen.set(group, { marks, joinedMs: isDue ? nowMs : (known?.joinedMs ?? -Infinity) })
  }

  async #join(group: string, topic: string): Promise<void> {
    const joined = Promise.withResolvers<void>()
    const consumer: { is?: Consumer } = {}
    consumer.is = this.#options.log.consumer({
      ...{ group, topics: [topic], startFrom: 'earliest' },
      onAssigned: () => joined.resolve(),
      onRevoked: async () => undefined,
      onRecords: (partition) => consumer.is?.pause([partition]),
    })
    await within(this.#options.clock, JOIN_MS, joined.promise).finally(() => consumer.is?.close())
  }
}

const NO_MARKS = '[]'
