import { describe, expect, it } from '@jest/globals'
import { brokerProperties } from '../../../scripts/kafka/broker-properties.ts'
import { parseJavaVersion } from '../../../scripts/kafka/java.ts'

const nodes = [1, 2, 3].map((id) => ({ id, port: 9000 + id, controllerPort: 9100 + id }))
const lines = (count: number, settings?: Record<string, string>) =>
  brokerProperties({
    ...{ node: nodes[0]!, nodes: nodes.slice(0, count), directory: '/d' },
    ...(settings && { settings }),
  }).split('\n')

describe('the properties of a local Kafka', () => {
  it('ask one node for one replica', () => {
    expect(lines(1)).toEqual(
      expect.arrayContaining([
        'controller.quorum.voters=1@127.0.0.1:9101',
        'advertised.listeners=PLAINTEXT://127.0.0.1:9001',
        'default.replication.factor=1',
        'min.insync.replicas=1',
      ]),
    )
  })

  it('ask three nodes for three replicas, of which two must have it', () => {
    expect(lines(3)).toEqual(
      expect.arrayContaining([
        'controller.quorum.voters=1@127.0.0.1:9101,2@127.0.0.1:9102,3@127.0.0.1:9103',
        'offsets.topic.replication.factor=3',
        'default.replication.factor=3',
        'min.insync.replicas=2',
      ]),
    )
  })

  it('are overruled by what a test asks for', () => {
    const found = lines(1, { 'group.min.session.timeout.ms': '6000' }).filter((line) => line.includes('min.session'))
    expect(found).toEqual(['group.min.session.timeout.ms=6000'])
  })
})

it.each([
  ['openjdk version "17.0.15" 2025-04-15', 17],
  ['java version "1.8.0_402"', 8],
  ['openjdk version "25" 2025-09-16', 25],
  ['no such thing', undefined],
])('Java says %s', (said, version) => {
  expect(parseJavaVersion(said)).toBe(version)
})
