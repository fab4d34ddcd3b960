/** Ways to install the chart that differ in what is rendered: every one must lint, render, and be taken by an API server. */
import type { Values } from './helm.ts'

export const SECURED_KAFKA = {
  brokers: ['kafka-0.kafka:9093', 'kafka-1.kafka:9093'],
  clientId: 'shop',
  replication: 3,
  transactions: true,
  tls: { enabled: true, caSecret: 'kafka-ca', certSecret: 'kafka-client' },
  sasl: { mechanism: 'scram-sha-512', username: 'dormouse', passwordSecret: 'kafka-password', passwordKey: 'pass' },
}

/** Of a Runtime. */
export const FUNCTION_NODES = {
  nodeSelector: { 'kubernetes.io/arch': 'arm64', 'node-role.kubernetes.io/functions': '' },
  tolerations: [
    { key: 'dedicated', value: 'functions', effect: 'NoSchedule' },
    { key: 'spot', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 },
  ],
}

export const VALUE_SETS: Record<string, Values> = {
  'no values': {},
  'Kafka in the clear': { kafka: { brokers: ['kafka:9092'] } },
  'Kafka with TLS and SASL': { kafka: SECURED_KAFKA },
  'Kafka in the cluster': { kafka: { embedded: { enabled: true } } },
  'Kafka in the cluster that keeps what it has': {
    kafka: { embedded: { enabled: true, storage: '8Gi', storageClassName: 'standard' } },
  },
  'autoscaled data planes': {
    kafka: { brokers: ['kafka:9092'] },
    gateway: { autoscaling: { enabled: true, maxReplicas: 30 } },
    dispatcher: { autoscaling: { enabled: true, minReplicas: 1 } },
  },
  'one of each': { controller: { replicas: 1 }, gateway: { replicas: 1 }, dispatcher: { replicas: 1 } },
  'a load balancer in front': {
    gateway: {
      service: {
        type: 'LoadBalancer',
        port: 8000,
        annotations: { 'example.com/kind': 'internal' },
        labels: { team: 'edge' },
        loadBalancerClass: 'example.com/lb',
        loadBalancerSourceRanges: ['192.0.2.0/24'],
        externalTrafficPolicy: 'Local',
      },
    },
  },
  'a port of every node': { gateway: { service: { type: 'NodePort', nodePort: 30080 } } },
  'everything optional off': {
    functions: { services: false, configMaps: false },
    networkPolicy: { enabled: false },
    podDisruptionBudgets: { enabled: false },
    rbac: { aggregateToDefaultRoles: false },
    monitoring: {
      annotations: false,
      serviceMonitor: { enabled: false },
      prometheusRule: { enabled: false },
      dashboards: { enabled: false },
    },
    runtimes: { node: { enabled: false } },
    crds: { check: false },
  },
  'a registry, places and labels of one\u2019s own': {
    image: { registry: 'registry.example.com:5000/faas', tag: '1.2.3', pullPolicy: 'Always' },
    imagePullSecrets: [{ name: 'registry' }],
    controller: placed(),
    gateway: placed(),
    dispatcher: placed(),
    kafka: { brokers: ['kafka:9092'] },
    runtimes: {
      python: { enabled: true, image: 'registry.example.com/python:3', poolSize: 0, command: ['/run'] },
      node: FUNCTION_NODES,
    },
    networkPolicy: {
      functionNamespaces: ['default', 'kube-public'],
      internal: { from: [{ ipBlock: { cidr: '192.0.2.0/24' } }] },
      management: { namespaces: [], from: [{ ipBlock: { cidr: '192.0.2.1/32' } }] },
    },
  },
}

function placed(): Values {
  return {
    podAnnotations: { 'example.com/owner': 'platform' },
    podLabels: { team: 'platform' },
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ key: 'system', operator: 'Exists' }],
    affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
    topologySpreadConstraints: [
      { topologyKey: 'rack', maxSkew: 1, whenUnsatisfiable: 'ScheduleAnyway', labelSelector: {} },
    ],
    priorityClassName: 'system-cluster-critical',
  }
}
