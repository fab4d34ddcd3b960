/** A log of its own inside of one that others use: its topics and groups have a prefix there that nobody sees here. */
import type { Consumer, ConsumerOptions, EventLog } from '../../events/event-log.ts'
import { replacing } from './replacing.ts'

interface OfTopic {
  topic: string
}

export function namedApart(log: EventLog, prefix: string): EventLog {
  const there = (name: string) => `${prefix}${name}`
  const isOurs = ({ topic }: OfTopic) => topic.startsWith(prefix)
  const out = <T extends OfTopic>(each: T): T => ({ ...each, topic: there(each.topic) })
  const back = <T extends OfTopic>(each: T): T => ({ ...each, topic: each.topic.slice(prefix.length) })

  const inside = (options: ConsumerOptions): ConsumerOptions => {
    const { group, topics, onAssigned, onRevoked, onRecords, onPosition } = options
    return {
      ...{ ...options, group: there(group), topics: topics.map(there) },
      onAssigned: (assignments) => onAssigned(assignments.map(back)),
      onRevoked: (partitions) => onRevoked(partitions.map(back)),
      onRecords: (partition, records) => onRecords(back(partition), records.map(back)),
      ...(onPosition && { onPosition: (partition, position) => onPosition(back(partition), position) }),
    }
  }
  const outside = (consumer: Consumer): Consumer => {
    const { handOver } = consumer
    return replacing(consumer, {
      pause: (partitions) => consumer.pause(partitions.map(out)),
      resume: (partitions) => consumer.resume(partitions.map(out)),
      seek: (partition, offset) => consumer.seek(out(partition), offset),
      commit: (offsets) => consumer.commit(offsets.map(out)),
      subscribe: (topics) => consumer.subscribe(topics.map(there)),
      ...(handOver && { handOver: (records, commit) => handOver(records.map(out), out(commit)) }),
    })
  }
  return replacing(log, {
    ensureTopics: (topics) => log.ensureTopics(topics.map(out)),
    deleteTopics: (topics) => log.deleteTopics(topics.map(there)),
    describe: async (topics) => (await log.describe(topics?.map(there))).filter(isOurs).map(back),
    endOffsets: (topic) => log.endOffsets(there(topic)),
    committed: async (group, topics) => (await log.committed(there(group), topics?.map(there))).map(back),
    send: async (records) => (await log.send(records.map(out))).map(back),
    consumer: (options) => outside(log.consumer(inside(options))),
  })
}
