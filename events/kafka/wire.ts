/**
 * What we use of kafkajs below its consumer and producer: its connections, authentication and request encoding. Its group and fetch loops
 * are not used (ADR 0024). kafkajs hands the Cluster to partition assigners, so that nothing here reaches into its files; what its types
 * leave out is declared here and held by the contract suite.
 */
import type { Socket } from 'node:net'

export interface Wire {
  request: { apiKey: number; apiVersion: number; apiName?: string; encode?(): Promise<unknown> }
  response: { decode(raw: Buffer): Promise<unknown>; parse(data: unknown): Promise<unknown> }
  /** Milliseconds. */
  requestTimeout?: number
}

/** A request in its versions, as kafkajs knows them; of the apiKey it knows by itself. */
export interface Definition {
  apiKey: number
  versions: readonly string[]
  protocol(best: { version: number }): (values: unknown) => Wire
}

export interface TopicPartitions<P> {
  topic: string
  partitions: P[]
}

export interface RawMetadata {
  brokers: { nodeId: number; host: string; port: number }[]
  controllerId: number
  topicMetadata: {
    topicErrorCode: number
    topic: string
    isInternal?: boolean
    partitionMetadata: { partitionErrorCode: number; partitionId: number; leader: number }[]
  }[]
}

export interface WireMessage {
  key: Buffer | null
  value: Buffer | null
  headers: Record<string, unknown>
  timestamp: string
}

export interface WireBatch {
  partition: number
  firstSequence: number
  messages: WireMessage[]
}

export interface InTransaction {
  transactionalId: string
  producerId: string
  producerEpoch: number
}

export interface Broker {
  nodeId: number | null
  connectionPool: { pool: Connection[]; host: string; port: number }
  lookupRequest(apiKey: number, definition: unknown): (values: unknown) => Wire
  metadata(topics: string[]): Promise<RawMetadata>
  findGroupCoordinator(request: { groupId: string; coordinatorType: number }): Promise<unknown>
  fetch(request: object): Promise<unknown>
  produce(request: {
    acks: -1
    timeout: number
    transactionalId?: string
    producerId: string
    producerEpoch: number
    topicData: TopicPartitions<WireBatch>[]
  }): Promise<{
    topics: { topicName: string; partitions: { partition: number; errorCode: number; baseOffset: string }[] }[]
  }>
  /** Without a transactional id an identity for writing outside of transactions. */
  initProducerId(request: {
    transactionalId?: string
    transactionTimeout: number
  }): Promise<{ producerId: string; producerEpoch: number; errorCode: number }>
  addPartitionsToTxn(
    request: InTransaction & { topics: TopicPartitions<number>[] },
  ): Promise<{ errors: { topic: string; partitionErrors: { partition: number; errorCode: number }[] }[] }>
  addOffsetsToTxn(request: InTransaction & { groupId: string }): Promise<{ errorCode: number }>
  txnOffsetCommit(request: object): Promise<unknown>
  endTxn(request: InTransaction & { transactionResult: boolean }): Promise<{ errorCode: number }>
  listOffsets(request: {
    isolationLevel: number
    topics: TopicPartitions<{ partition: number; timestamp: number }>[]
  }): Promise<{ responses: TopicPartitions<{ partition: number; errorCode: number; offset: string }>[] }>
  joinGroup(request: {
    groupId: string
    sessionTimeout: number
    rebalanceTimeout: number
    memberId: string
    groupProtocols: { name: string; metadata: Buffer }[]
  }): Promise<{
    errorCode: number
    generationId: number
    leaderId: string
    memberId: string
    members: { memberId: string; memberMetadata: Buffer }[]
  }>
  syncGroup(request: {
    groupId: string
    generationId: number
    memberId: string
    groupAssignment: { memberId: string; memberAssignment: Buffer }[]
  }): Promise<{ memberAssignment: Buffer }>
  heartbeat(request: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>
  offsetCommit(request: {
    groupId: string
    groupGenerationId: number
    memberId: string
    topics: TopicPartitions<{ partition: number; offset: string; metadata: string }>[]
  }): Promise<{ responses: TopicPartitions<{ partition: number; errorCode: number }>[] }>
  offsetFetch(request: { groupId: string; topics: TopicPartitions<{ partition: number }>[] }): Promise<{
    /** Of the whole, when the group is elsewhere or being loaded: then there are no responses. */
    errorCode?: number
    responses: TopicPartitions<{ partition: number; offset: string; metadata: string | null; errorCode: number }>[]
  }>
  createTopics(request: {
    topics: {
      topic: string
      numPartitions: number
      replicationFactor: number
      configEntries: { name: string; value: string }[]
    }[]
    timeout: number
  }): Promise<{ topicErrors: { topic: string; errorCode: number; errorMessage?: string | null }[] }>
  deleteTopics(request: {
    topics: string[]
    timeout: number
  }): Promise<{ topicErrors: { topic: string; errorCode: number }[] }>
  describeConfigs(request: { resources: { type: number; name: string; configNames: string[] }[] }): Promise<{
    resources: {
      errorCode: number
      resourceName: string
      configEntries: { configName: string; configValue: string | null }[]
    }[]
  }>
}

export interface Connection {
  socket: Socket | undefined
  /** What has come of an answer that is not complete. */
  chunks: Buffer[]
  bytesBuffered: number
  bytesNeeded: number
  requestQueue: {
    pending: unknown[]
    /** Epoch milliseconds; in the past: it is not. */
    throttledUntil: number
    throttleCheckTimeoutId: NodeJS.Timeout | null
    inflight: ReadonlyMap<unknown, { sentAt: number; requestTimeout: number; timeoutRequest(): void }>
    requestTimeoutIntervalId: NodeJS.Timeout | undefined
    isConnected(): boolean
    /** Stops its timers. */
    destroy(): void
    scheduleRequestTimeoutCheck(): void
    checkPendingRequests(): void
    scheduleCheckPendingRequests(): void
  }
  isConnected(): boolean
  connect(): Promise<unknown>
  rejectRequests(error: Error): void
  disconnect(): Promise<unknown>
}

export interface Cluster {
  isConnected(): boolean
  connect(): Promise<void>
  disconnect(): Promise<void>
  refreshMetadata(): Promise<void>
  getNodeIds(): string[]
  findBroker(node: { nodeId: string }): Promise<Broker>
  findControllerBroker(): Promise<Broker>
  findGroupCoordinator(group: { groupId: string; coordinatorType?: number }): Promise<Broker>
  brokerPool: {
    createBroker(options: unknown): Broker
    findConnectedBroker(): Promise<Broker>
    readonly brokers: Readonly<Record<string, Broker>>
    readonly seedBroker: Broker | undefined
  }
}

/** The broker, with other answers. */
export function withResponses(broker: Broker, change: (wire: Wire) => Wire): Broker {
  const view = Object.create(broker) as Broker
  view.lookupRequest = (apiKey, definition) => {
    const build = broker.lookupRequest(apiKey, definition)
    return (values) => change(build(values))
  }
  return view
}

/** kafkajs throws away an answer of which one part is an error: here the parts carry their codes. */
export const withCodes = (broker: Broker): Broker =>
  withResponses(broker, (wire) => ({ ...wire, response: { ...wire.response, parse: async (data) => data } }))
