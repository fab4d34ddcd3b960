import { expect, test } from '@jest/globals'
import { diagnose } from '../../../../cli/health/diagnose.ts'
import type { Observation } from '../../../../cli/health/observation.ts'
import type { PlatformPod } from '../../../../cli/cluster/platform-kinds.ts'
import {
  deployment,
  fineInstallation,
  functionPod,
  meta,
  minutesAgo,
  platformPod,
  seen,
} from '../../../builders/cluster-observation.ts'

/** An installation by another name, in another namespace, of a cluster that was named. */
function elsewhere(more: Partial<Observation>): Observation {
  const observation = fineInstallation({ named: { context: 'prod eu' }, ...more })
  const moved = <T extends { metadata: { namespace?: string; labels?: Record<string, string> } }>(object: T): T => ({
    ...object,
    metadata: {
      ...object.metadata,
      namespace: 'faas',
      labels: { ...object.metadata.labels, 'app.kubernetes.io/instance': 'mouse' },
    },
  })
  const all = <T extends Parameters<typeof moved>[0]>(part: { kind: string; value?: T[] }) =>
    seen((part.value ?? []).map((object) => moved(object)))
  return {
    ...observation,
    namespace: 'faas',
    services: all(observation.services),
    deployments: all(observation.deployments),
    pods: all(observation.pods),
    leases: all(observation.leases),
  }
}

const commandsOf = (more: Partial<Observation>) =>
  diagnose(elsewhere(more)).flatMap(({ remedy }) => [...remedy.matchAll(/`([^`]*)`/g)].map(([, command]) => command))

const INSTALL = `dormouse install --namespace faas --release mouse --context 'prod eu'`
const selector = (part: string) =>
  `app.kubernetes.io/instance=mouse,app.kubernetes.io/name=dormouse,app.kubernetes.io/component=${part}`
const waiting = (reason: string): PlatformPod['status'] => ({
  phase: 'Running',
  containerStatuses: [{ name: 'main', ready: false, restartCount: 1, state: { waiting: { reason, message: 'no' } } }],
})
const ended: PlatformPod['status'] = {
  phase: 'Running',
  containerStatuses: [
    { name: 'main', ready: false, restartCount: 0, state: { terminated: { exitCode: 1, reason: 'Error' } } },
  ],
}
const gatewayDown = (status?: PlatformPod['status']): Partial<Observation> => ({
  deployments: seen([deployment('controller'), deployment('gateway', 0)]),
  pods: seen([platformPod('controller', 1), ...(status === undefined ? [] : [platformPod('gateway', 1, status)])]),
})
const refused = (message: string): Partial<Observation> => {
  const gateway = deployment('gateway', 0)
  const conditions = [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }]
  gateway.status = { ...gateway.status, conditions }
  return { deployments: seen([deployment('controller'), gateway]), pods: seen([platformPod('controller', 1)]) }
}
const fn = (reason: string) =>
  seen([
    {
      kind: 'Function',
      metadata: meta('hello', { namespace: 'shop' }),
      status: {
        conditions: [{ type: 'Ready', status: 'False', reason, message: 'No.', lastTransitionTime: minutesAgo(60) }],
      },
    } as never,
  ])
const unestablished = () => {
  const { crds } = fineInstallation()
  return seen(crds.kind === 'seen' ? crds.value.map((crd) => ({ ...crd, status: {} })).slice(0, 3) : [])
}
const older = () => new Map([['functions.dormouse.dev', { properties: { extra: {} } }]])

test.each<[what: string, more: Partial<Observation>, want: string[]]>([
  ['CRDs are missing', { crds: seen([]) }, [INSTALL]],
  ['a CRD is older', { wantedSchemas: older() }, [INSTALL]],
  [
    'CRDs are not established',
    { crds: unestablished() },
    ['functions', 'triggers', 'runtimes'].map(
      (plural) => `kubectl describe crd ${plural}.dormouse.dev --context 'prod eu'`,
    ),
  ],
  ['a part is absent', { deployments: seen([deployment('controller')]) }, [INSTALL]],
  [
    'a part is scaled to zero',
    { deployments: seen([deployment('controller'), deployment('gateway', 0, 0)]) },
    [`kubectl -n faas scale deployment/dormouse-gateway --replicas 2 --context 'prod eu'`],
  ],
  [
    'a part is not ready, and nothing tells why',
    gatewayDown(),
    [`kubectl -n faas describe pods -l ${selector('gateway')} --context 'prod eu'`],
  ],
  [
    'a pod of a part is not ready, and nothing tells why',
    gatewayDown({ phase: 'Running', containerStatuses: [] }),
    [`kubectl -n faas describe pod dormouse-gateway-1 --context 'prod eu'`],
  ],
  [
    'a pod of a part crashes',
    gatewayDown(waiting('CrashLoopBackOff')),
    [`kubectl -n faas logs --previous dormouse-gateway-1 --context 'prod eu'`],
  ],
  [
    'a pod of a part has crashed and was not started again',
    gatewayDown(ended),
    [`kubectl -n faas logs dormouse-gateway-1 --context 'prod eu'`],
  ],
  [
    'pods of a part cannot be created',
    refused('the moon is full'),
    [`kubectl -n faas describe replicasets -l ${selector('gateway')} --context 'prod eu'`],
  ],
  [
    'a pod says something that nobody knows',
    {
      ...gatewayDown({ phase: 'Running', containerStatuses: [] }),
      words: [{ pod: 'dormouse-gateway-1', component: 'gateway', ready: false, text: 'hm' }],
    },
    [`kubectl -n faas logs dormouse-gateway-1 --context 'prod eu'`],
  ],
  ['the CLI has another version', { cliVersion: '0.2.0' }, [INSTALL]],
  [
    'nobody leads',
    { leases: seen([]) },
    [`kubectl -n faas logs -l ${selector('controller')} --prefix --tail=-1 --context 'prod eu'`],
  ],
  [
    'code does not load',
    { functions: fn('CodeLoadFailed'), runtimes: seen([{} as never]) },
    [`dormouse describe function hello -n shop --context 'prod eu'`],
  ],
  [
    'a Function is not ready for a reason of its own',
    { functions: fn('SomethingNew'), runtimes: seen([{} as never]) },
    [`dormouse describe function hello -n shop --context 'prod eu'`],
  ],
  [
    'a pod of a function crashes',
    { functionPods: seen([functionPod('p1', 'shop', waiting('CrashLoopBackOff'))]) },
    [`kubectl -n shop logs --previous p1 --context 'prod eu'`],
  ],
])('when %s, the commands to run name cluster, namespace and release', (_what, more, want) => {
  expect(commandsOf(more)).toEqual(want)
})

test('where there is none, installing names the cluster; a kubeconfig that was named is named', () => {
  const none = fineInstallation({ named: { kubeconfig: '/tmp/kc' }, namespace: undefined, services: seen([]) })
  expect(diagnose(none)[0]?.remedy).toBe('Install Dormouse with `dormouse install --kubeconfig /tmp/kc`.')
})

test.each([
  ["1 node(s) didn't match Pod's node affinity/selector.", /^Label a node as its nodeSelector asks, make room .*\.$/],
  ['1 node(s) had untolerated taint {dedicated: gpu}.', /^Give it a toleration of the taint, .*\.$/],
  ['1 node(s) had untolerated taint(s).', /^Give it a toleration of the taint, .*\.$/],
  ['1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }.', /^Make room on the nodes, .*\.$/],
  ['1 Insufficient memory.', /^Make room on the nodes, .*\.$/],
])('where the scheduler says "%s", what is to be done follows from it', (message, want) => {
  const conditions = [{ type: 'PodScheduled', status: 'False' as const, reason: 'Unschedulable', message }]
  const functionPods = seen([functionPod('p1', 'shop', { phase: 'Pending', conditions })])
  const [finding] = diagnose(fineInstallation({ functionPods }))
  expect(finding?.problem).toContain(message)
  expect(finding?.remedy).toMatch(want)
})

test('where a Function and its Runtime ask for what no node is, room would not help', () => {
  const message = 'its nodeSelector asks for zone=b, and that of Runtime node for zone=a: no node has both'
  const lastTimestamp = minutesAgo(1)
  const involvedObject = { namespace: 'shop', name: 'a', uid: 'u' }
  const warnings = seen([{ reason: 'CannotWake', message, lastTimestamp, involvedObject } as never])
  const functions = seen([{ metadata: { ...meta('a'), namespace: 'shop', uid: 'u' }, spec: {} } as never])
  const found = diagnose(fineInstallation({ warnings, functions }))
  expect(found.find(({ problem }) => problem.includes(message))?.remedy).toBe(
    'Correct the nodeSelector of the Function, or let it use another Runtime.',
  )
})
