/** Kafka in a container, on a real engine; what all tests on Kafka get where there is one and no JDK. */
import { expect, jest, test } from '@jest/globals'
import { errorText } from '../../../lib/error-text.ts'
import { countBrokers } from '../../../scripts/kafka/ask-broker.ts'
import { findContainers, startContainerKafka } from '../../../scripts/kafka/container-kafka.ts'

jest.setTimeout(90_000)

const found = await findContainers().catch(errorText)
const reason = typeof found === 'string' ? ` [skipped: ${found}]` : ''

;(typeof found === 'string' ? test.skip : test)(
  `a Kafka in a container serves until it is stopped${reason}`,
  async () => {
    if (typeof found === 'string') throw new Error(found)
    const kafka = await startContainerKafka(found)
    const port = Number(kafka.brokers[0]!.split(':').at(-1))
    expect(await countBrokers(found.host, port)).toBe(1)
    await kafka.stop()
    await expect(countBrokers(found.host, port)).rejects.toThrow()
  },
)
