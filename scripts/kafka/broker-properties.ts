/** The settings of one node: broker and controller in one process, as small and as quick to start as Kafka allows. */

export interface NodeAddress {
  /** 1, 2, 3 */
  id: number
  port: number
  controllerPort: number
}

export interface PropertiesOptions {
  node: NodeAddress
  nodes: readonly NodeAddress[]
  directory: string
  /** Overrule what stands here. */
  settings?: Readonly<Record<string, string>>
}

export const BROKER_HOST = '127.0.0.1'

export function brokerSettings({ node, nodes, directory, settings }: PropertiesOptions): Record<string, string> {
  const replicas = String(Math.min(nodes.length, 3))
  const inSync = String(Math.max(1, Math.min(nodes.length, 3) - 1))
  const client = `PLAINTEXT://${BROKER_HOST}:${node.port}`
  return {
    'process.roles': 'broker,controller',
    'node.id': String(node.id),
    'controller.quorum.voters': nodes.map((n) => `${n.id}@${BROKER_HOST}:${n.controllerPort}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    listeners: `${client},CONTROLLER://${BROKER_HOST}:${node.controllerPort}`,
    'advertised.listeners': client,
    'log.dirs': directory,
    'auto.create.topics.enable': 'false',
    // As many as the embedded log makes.
    'num.partitions': '6',
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    // Fifty partitions of each are made on first use otherwise, which a test waits for.
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.num.partitions': '4',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '500',
    // A dead broker's partitions get new leaders after this; the default is 9 s.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    // 128 MB by default, taken at start.
    'log.cleaner.dedupe.buffer.size': String(16 * 1024 * 1024),
    'log.segment.delete.delay.ms': '1000',
    ...settings,
  }
}

/** server.properties */
export function brokerProperties(options: PropertiesOptions): string {
  return Object.entries(brokerSettings(options))
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}
