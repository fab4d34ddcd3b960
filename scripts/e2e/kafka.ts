/**
 * A Kafka for a cluster's pods: a broker on this machine, which advertises the node's address to them. Only for the cluster of test/cluster,
 * whose pods reach this machine; others need KAFKA_BROKERS, with addresses that their pods can reach.
 */
import { findKafkaIn } from '../kafka/find-kafka.ts'
import { startLocalKafka } from '../kafka/local-kafka.ts'

export type PodsKafka =
  | { kind: 'available'; name: string; forPods: string[]; forTests: string[]; stop(): Promise<void> }
  | { kind: 'missing'; reason: string }

/** Beside the ports of `make kafka`. The third is the listener for pods. */
const FIRST_PORT = 19_092
const PODS_PORT = FIRST_PORT + 2

/** `nodeAddress`: where pods reach this machine; none: they do not. */
export async function openKafkaForPods(nodeAddress: string | undefined): Promise<PodsKafka> {
  const found = await findKafkaIn({ env: process.env })
  if (found.kind === 'missing') return found
  const { name } = found
  if (found.source === 'environment')
    return { kind: 'available', name, forPods: found.brokers, forTests: found.brokers, stop: async () => undefined }
  if (found.source === 'container' || nodeAddress === undefined)
    return { kind: 'missing', reason: 'pods of this cluster cannot reach a broker on this machine: set KAFKA_BROKERS' }
  const forPods = `${nodeAddress}:${PODS_PORT}`
  const { java, jars } = found
  const kafka = await startLocalKafka({ java, jars, firstPort: FIRST_PORT, settings: twoListeners(forPods) })
  return { kind: 'available', name, forPods: [forPods], forTests: kafka.brokers, stop: () => kafka.stop() }
}

function twoListeners(forPods: string): Record<string, string> {
  const here = `PLAINTEXT://127.0.0.1:${FIRST_PORT}`
  return {
    listeners: `${here},PODS://${forPods},CONTROLLER://127.0.0.1:${FIRST_PORT + 1}`,
    'advertised.listeners': `${here},PODS://${forPods}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,PODS:PLAINTEXT,CONTROLLER:PLAINTEXT',
  }
}
