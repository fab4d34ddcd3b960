import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { EventLog } from '../../../events/event-log.ts'
import { codeOf, Listener, record, unique, type EventLogHarness } from './harness.ts'

export function describeErrors(harness: EventLogHarness): void {
  describe('a closed log', () => {
    const [topic, group] = [unique('topic'), unique('group')]
    let log: EventLog
    let listener: Listener
    let forget: () => Promise<void>
    beforeAll(async () => {
      const opened = await harness.open()
      log = opened.log
      forget = opened.close
      await log.ensureTopics([{ topic, partitions: 1 }])
      listener = new Listener(log, { group, topics: [topic] })
      await Promise.all([log.close(), log.close()])
    })
    afterAll(() => forget())

    test('has closed its consumers', () => {
      expect(listener.held.size).toBe(0)
      expect(listener.revoked).toHaveLength(listener.assigned.length)
    })

    test.each([
      ['send', () => log.send([record(topic, 'a')])],
      ['send nothing', () => log.send([])],
      ['ensureTopics', () => log.ensureTopics([{ topic, partitions: 1 }])],
      ['deleteTopics', () => log.deleteTopics([topic])],
      ['describe', () => log.describe()],
      ['endOffsets', () => log.endOffsets(topic)],
      ['committed', () => log.committed(group)],
      ['consumer', async () => log.consumer({ ...silent, group, topics: [topic] })],
    ])('refuses: %s', async (_what, action: () => Promise<unknown>) => expect(await codeOf(action())).toBe('closed'))

    test('refuses commits of the consumers it had', async () => {
      const commit = listener.consumer.commit([{ topic, partition: 0, offset: 0, metadata: '' }])
      expect(['closed', 'not-assigned']).toContain(await codeOf(commit))
    })
  })
}

const silent = {
  startFrom: 'earliest' as const,
  onAssigned: () => undefined,
  onRevoked: async () => undefined,
  onRecords: () => undefined,
}
