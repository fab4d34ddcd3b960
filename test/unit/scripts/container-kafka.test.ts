import { expect, it } from '@jest/globals'
import { environment } from '../../../scripts/kafka/container-kafka.ts'

it('a Kafka in a container has the settings of one on a JDK, under the names its image takes', () => {
  const found = environment({ host: 'engine', port: 9092, settings: { 'num.partitions': '2' } })
  expect(found).toMatchObject({
    KAFKA_NODE_ID: '1',
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    KAFKA_NUM_PARTITIONS: '2',
  })
})

it('it listens on all addresses of the container and tells clients those of the engine', () => {
  expect(environment({ host: 'engine', port: 29_093 })).toMatchObject({
    KAFKA_LISTENERS: 'PLAINTEXT://:29093,CONTROLLER://:29094',
    KAFKA_ADVERTISED_LISTENERS: 'PLAINTEXT://engine:29093',
  })
})
