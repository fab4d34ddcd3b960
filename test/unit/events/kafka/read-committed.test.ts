import { expect, test } from '@jest/globals'
import { readCommitted } from '../../../../events/kafka/kafka-topics.ts'
import type { KafkaClient } from '../../../../events/kafka/kafka-client.ts'

/** NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE. */
test.each([16, 14, 15])('commits that cannot be read now (%d) are not taken for none', async (errorCode) => {
  const broker = { lookupRequest: () => undefined, offsetFetch: async () => ({ errorCode, responses: [] }) }
  const client = { coordinator: async () => broker } as unknown as KafkaClient
  await expect(
    readCommitted(client, 'group', [{ topic: 'orders', partitions: [{ partition: 0 }] }]),
  ).rejects.toMatchObject({
    code: errorCode,
  })
})
