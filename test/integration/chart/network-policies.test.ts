import { describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { functionSpecSchema } from '../../../api/function.ts'
import type { Runtime } from '../../../api/runtime.ts'
import { claimPatch, genericPod, ownPod } from '../../../controller/fleet/resources.ts'
import { templateOf } from '../../../controller/functions/template.ts'
import { describeWithHelm, type Rendered, type Values } from '../../builders/helm.ts'

interface Peer {
  namespace: string
  labels: Record<string, string>
}

interface Selector {
  matchLabels?: Record<string, string>
  matchExpressions?: { key: string; operator: 'In' | 'Exists'; values?: string[] }[]
}

function matches(selector: Selector, labels: Record<string, string>): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) =>
      operator === 'Exists' ? key in labels : values.includes(labels[key] ?? ''),
    )
  )
}

/** Whether policies let `from` reach the named port of `to`: the rules of NetworkPolicy, as far as the chart uses them. */
function mayReach(policies: Rendered[], from: Peer, [to, port]: [Peer, string]): boolean {
  const about = policies.filter(
    ({ metadata, spec }) => metadata.namespace === to.namespace && matches(spec.podSelector, to.labels),
  )
  if (about.length === 0) return true
  return about.some(({ metadata, spec }) =>
    spec.ingress.some((rule: { ports?: { port: string }[]; from?: Record<string, Selector>[] }) => {
      if (rule.ports && !rule.ports.some((each) => each.port === port)) return false
      if (!rule.from) return true
      return rule.from.some(({ namespaceSelector, podSelector }) => {
        if (!namespaceSelector && !podSelector) return false
        const namespaceLabels = { 'kubernetes.io/metadata.name': from.namespace }
        const there = namespaceSelector
          ? matches(namespaceSelector, namespaceLabels)
          : from.namespace === metadata.namespace
        return there && matches(podSelector ?? {}, from.labels)
      })
    }),
  )
}

const RUNTIME: Runtime = {
  ...{ apiVersion: 'dormouse.dev/v1alpha1', kind: 'Runtime' },
  metadata: { name: 'node', uid: 'ru', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { image: 'example/node', pool: { size: 3 } },
}
const SETTINGS = {
  ...{ phoneHomeUrl: 'http://controller:8083/v1/pods', publicKey: 'pk', initTimeoutMs: 10_000 },
  ports: { control: 8079, data: 8080 },
}

/** Pods as the controller makes them. */
function waiting(namespace: string) {
  return genericPod({ runtime: RUNTIME, namespace, name: 'node-x', phoneHomeToken: 't', settings: SETTINGS })
}

function claimed(namespace: string) {
  const claim = { function: { namespace, name: 'web', uid: 'u' }, revision: 'r', claimedAtMs: 0, acknowledges: true }
  const pod = waiting(namespace)
  const { labels = {} } = (claimPatch(claim) as Pick<typeof pod, 'metadata'>).metadata
  return { ...pod, metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, ...labels } } }
}

function ofImage(namespace: string) {
  const spec = functionSpecSchema.parse({ image: 'example/web:1', signature: 'http' })
  const template = templateOf({ metadata: { ...RUNTIME.metadata, namespace, name: 'web' }, spec })
  return ownPod({ template, namespace, name: 'web-x', phoneHomeToken: 't', settings: SETTINGS, nowMs: 0 })
}

function labelled({ metadata: { namespace = '', labels = {} } }: ReturnType<typeof genericPod>): Peer {
  return { namespace, labels }
}

const part = (name: string): Peer => ({
  namespace: 'dormouse-system',
  labels: {
    'app.kubernetes.io/name': 'dormouse',
    'app.kubernetes.io/instance': 'dormouse',
    'app.kubernetes.io/component': name,
  },
})
const PEERS = {
  controller: part('controller'),
  gateway: part('gateway'),
  dispatcher: part('dispatcher'),
  kafka: part('kafka'),
  'helm test': part('test'),
  function: labelled(claimed('default')),
  'image function': labelled(ofImage('default')),
  'pool pod elsewhere': labelled(waiting('shop')),
  stranger: { namespace: 'default', labels: { app: 'web' } },
  impostor: { namespace: 'default', labels: part('gateway').labels },
  neighbour: { namespace: 'dormouse-system', labels: { app: 'web' } },
  prometheus: { namespace: 'monitoring', labels: { app: 'prometheus' } },
} satisfies Record<string, Peer>
type PeerName = keyof typeof PEERS
const ALL = Object.keys(PEERS) as PeerName[]

const TABLE: [PeerName, string, PeerName[]][] = [
  ['controller', 'controller', ['gateway', 'dispatcher', 'function', 'image function', 'pool pod elsewhere']],
  ['controller', 'management', ['helm test', 'prometheus']],
  ['gateway', 'public', ALL],
  ['gateway', 'internal', ALL],
  ['gateway', 'management', ['helm test', 'prometheus']],
  ['dispatcher', 'management', ['helm test', 'prometheus']],
  ['kafka', 'kafka', ['controller', 'gateway', 'dispatcher', 'kafka', 'helm test']],
  ['function', 'data', ['controller', 'gateway', 'dispatcher']],
  ['function', 'control', ['controller', 'gateway', 'dispatcher']],
  ['image function', 'data', ['controller', 'gateway', 'dispatcher']],
]

describeWithHelm('network policies', (helm) => {
  const policies = async (values: Values = {}) =>
    (await helm.render({ values })).filter(({ kind }) => kind === 'NetworkPolicy')

  describe('of an installation with everything', () => {
    test.each(TABLE)('let %s:%s be reached by %j only', async (to, port, wanted) => {
      const all = await policies({ kafka: { embedded: { enabled: true } } })
      const reached = ALL.filter((from) => mayReach(all, PEERS[from], [PEERS[to], port]))
      expect(reached).toEqual(wanted)
    })
  })

  test('are made for the namespaces of functions that are named, and for no other', async () => {
    const all = await policies({ networkPolicy: { functionNamespaces: ['shop', 'billing'] } })
    expect(
      all.filter(({ metadata }) => metadata.name === 'dormouse-functions').map(({ metadata }) => metadata.namespace),
    ).toEqual(['shop', 'billing'])
  })

  test('as printed for a namespace of one\u2019s own let the same in as the chart\u2019s', async () => {
    const printed = readFileSync(new URL('../../../docs/installing.md', import.meta.url), 'utf8')
    const [, text = ''] = /```yaml\n(apiVersion: networking[^]*?)```/.exec(printed) ?? []
    const policy = parse(text) as Rendered
    const pods = [labelled(ofImage('shop')), labelled(claimed('shop')), PEERS['pool pod elsewhere']]
    for (const pod of pods)
      expect(ALL.filter((from) => mayReach([policy], PEERS[from], [pod, 'data']))).toEqual([
        ...['controller', 'gateway', 'dispatcher'],
      ])
  })

  test('let Prometheus in from where it is said to be', async () => {
    const all = await policies({ networkPolicy: { management: { namespaces: ['observability'] } } })
    const prometheus = { ...PEERS.prometheus, namespace: 'observability' }
    expect(mayReach(all, prometheus, [PEERS.gateway, 'management'])).toBe(true)
    expect(mayReach(all, PEERS.prometheus, [PEERS.gateway, 'management'])).toBe(false)
  })

  test('are not made when they are off', async () => {
    expect(await policies({ networkPolicy: { enabled: false } })).toEqual([])
  })
})
