import { describe, expect, test } from '@jest/globals'
import { LABEL } from '../../../../api/names.ts'
import { rivalSentence } from '../../../../controller/rivals/rival-watch.ts'
import { diagnose } from '../../../../cli/health/diagnose.ts'
import type { KubeObject } from '../../../../api/object.ts'
import { hiddenOf, type Observation } from '../../../../cli/health/observation.ts'
import type { PlatformPod } from '../../../../cli/cluster/platform-kinds.ts'
import {
  deployment,
  fineInstallation,
  functionPod,
  meta,
  minutesAgo,
  NOW_MS,
  platformPod,
  SCHEMA,
  seen,
} from '../../../builders/cluster-observation.ts'

const told = (more: Partial<Observation>) =>
  diagnose(fineInstallation(more)).map(({ subject, problem }) => `${subject}: ${problem}`)
const hidden = { kind: 'hidden' as const, what: 'pods', why: 'pods is forbidden' }
const waiting = (reason: string, message: string): PlatformPod['status'] => ({
  phase: 'Pending',
  containerStatuses: [{ name: 'main', ready: false, restartCount: 0, state: { waiting: { reason, message } } }],
})
const fn = (name: string, ready?: { status: 'True' | 'False' | 'Unknown'; reason: string }, ageMinutes = 60) =>
  ({
    kind: 'Function',
    metadata: meta(name, { namespace: 'shop', creationTimestamp: minutesAgo(ageMinutes) }),
    status: {
      conditions: ready && [
        { type: 'Ready', ...ready, message: `Because of ${name}.`, lastTransitionTime: minutesAgo(ageMinutes) },
      ],
    },
  }) as never

const said = (name: string, { uid = 'its own', readyPods = 0 } = {}) => {
  const { metadata, status, ...rest } = fn(name, { status: 'True', reason: 'Asleep' }) as Required<KubeObject> & {
    status: object
  }
  return { ...rest, metadata: { ...metadata, uid }, status: { ...status, readyPods } } as never
}
const warning = (reason: string, { minutes }: { minutes: number }) =>
  ({
    reason,
    message: 'exceeded quota: small',
    lastTimestamp: minutesAgo(minutes),
    involvedObject: { namespace: 'shop', name: 'a', uid: 'its own' },
  }) as never

test('of an installation in which nothing is wrong nothing is said', () => {
  expect(told({})).toEqual([])
})

describe('Kafka that answered once and does not any more', () => {
  const dispatcher = (n: number, withoutKafka?: string) => ({
    ...{ pod: `dormouse-dispatcher-${n}`, component: 'dispatcher', ready: true, text: 'ok' },
    ...(withoutKafka !== undefined && { withoutKafka }),
  })
  const why = 'connect ECONNREFUSED 10.0.0.9:9092'

  test('is told though dispatchers are ready', () => {
    const words = [dispatcher(1, why), dispatcher(2, why)]
    expect(told({ words })).toEqual([`Kafka: No dispatcher reaches it, and its events wait: ${why}.`])
  })

  test('of one dispatcher names that one', () => {
    const words = [dispatcher(1), dispatcher(2, why)]
    expect(told({ words })).toEqual([
      `Kafka: Pod dormouse-dispatcher-2 does not reach it, and its events wait: ${why}.`,
    ])
  })
})

test('every finding says what to do', () => {
  const broken = fineInstallation({
    apiServer: seen({ version: 'v1.31.2', timeMs: NOW_MS + 60_000, ourTimeMs: NOW_MS }),
    crds: seen([]),
    deployments: seen([deployment('controller', 0), deployment('gateway', 2, 0)]),
    functions: seen([fn('a', { status: 'False', reason: 'SomethingNew' })]),
  })
  const findings = diagnose(broken)
  expect(findings.length).toBeGreaterThan(5)
  for (const { problem, remedy } of findings) {
    expect(problem).toMatch(/\.$/)
    expect(remedy).toMatch(/^[A-Z].*\.$/)
  }
})

describe('API server', () => {
  const at = (version: string, skewMs = 0) => seen({ version, timeMs: NOW_MS + skewMs, ourTimeMs: NOW_MS })

  test.each(['v1.33.0', 'v1.35.4-gke.1', 'v2.0.0'])('%s is new enough', (version) => {
    expect(told({ apiServer: at(version) })).toEqual([])
  })
  test('older than 1.33 is too old', () => {
    expect(told({ apiServer: at('v1.32.9') })).toEqual([
      expect.stringMatching(/^API server: .*v1\.32\.9.*1\.33 or later/),
    ])
  })
  test.each([
    [4_000, []],
    [-61_000, ["clock: Its clock is 61 s behind this machine's."]],
    [8_000, ["clock: Its clock is 8 s ahead of this machine's."]],
  ])('a clock that is %i ms off', (skewMs, want) => {
    expect(told({ apiServer: at('v1.35.0', skewMs), leases: hidden })).toEqual(want)
  })
})

describe('CRDs', () => {
  const withSchema = (schema: object) => {
    const crds = fineInstallation().crds
    if (crds.kind === 'hidden') throw new Error('seen')
    return crds.value.map((crd) => ({
      ...crd,
      spec: { versions: [{ name: 'v1alpha1', served: true, schema: { openAPIV3Schema: schema } }] },
    }))
  }

  test('that are missing are named', () => {
    expect(told({ crds: seen([]) })).toEqual([
      'CRDs: functions.dormouse.dev, triggers.dormouse.dev, runtimes.dormouse.dev are missing.',
    ])
  })
  test('that lack a field this CLI knows are older, and the outermost field is named', () => {
    const [first] = withSchema({ properties: { spec: { properties: { timeout: {} } } } })
    expect(told({ crds: seen([first!, ...withSchema(SCHEMA).slice(1)]) })).toEqual([
      'CRDs: functions.dormouse.dev is older than this CLI (0.1.0): it does not know spec.scaling.',
    ])
  })
  test('that have a field more are newer', () => {
    const more = { properties: { spec: { properties: { ...SCHEMA.properties.spec.properties, speed: {} } } } }
    const [first] = withSchema(more)
    expect(told({ crds: seen([first!, ...withSchema(SCHEMA).slice(1)]) })).toEqual([
      expect.stringMatching(/newer than this CLI .* spec\.speed\./),
    ])
  })
  test('of a CLI without a chart are not compared', () => {
    expect(told({ crds: seen(withSchema({})), wantedSchemas: undefined })).toEqual([])
  })
})

describe('parts', () => {
  const only = (part: string, pods: PlatformPod[], words: Observation['words'] = []) => ({
    deployments: seen(['controller', 'gateway'].map((other) => deployment(other, other === part ? 0 : 2))),
    pods: seen([...pods, platformPod('controller', 1)]),
    words,
  })

  test('no installation, or more than one, is the finding', () => {
    expect(told({ namespace: undefined, services: seen([]) })).toEqual(['installation: There is none in this cluster.'])
    const services = ['a', 'b'].map((namespace) => ({ metadata: { namespace, name: 'x' }, spec: {} }) as never)
    expect(told({ namespace: undefined, services: seen(services) })).toEqual([
      expect.stringMatching(/^installation: There is one in each of a, b/),
    ])
  })
  test('an image that cannot be pulled is named', () => {
    const gateway = platformPod('gateway', 1, waiting('ImagePullBackOff', 'Back-off pulling image "x"'))
    expect(told(only('gateway', [gateway]))).toEqual([
      'gateway: None of its 2 replicas is ready: pod dormouse-gateway-1: ImagePullBackOff: Back-off pulling image "x".',
    ])
  })
  test('a pod that runs and is not ready says why itself', () => {
    const gateway = platformPod('gateway', 1, { phase: 'Running', containerStatuses: [] })
    const word = {
      pod: 'dormouse-gateway-1',
      component: 'gateway',
      ready: false,
      text: 'no snapshot from a controller yet',
    }
    const [finding] = diagnose(fineInstallation(only('gateway', [gateway], [word])))
    expect(finding).toMatchObject({
      subject: 'gateway',
      problem: expect.stringContaining('says: no snapshot from a controller yet.'),
      remedy: expect.stringMatching(/controller is ready.*DNS and NetworkPolicies/),
    })
  })
  test('an installation that yields to another one says so itself', () => {
    const controller = platformPod('controller', 1, { phase: 'Running', containerStatuses: [] })
    const word = { pod: 'dormouse-controller-1', component: 'controller', ready: false, text: rivalSentence('prod') }
    const [finding] = diagnose(
      fineInstallation({ ...only('controller', [controller], [word]), pods: seen([controller]) }),
    )
    expect(finding).toMatchObject({
      problem: expect.stringContaining(
        'another installation of Dormouse, in namespace prod, was on this cluster first',
      ),
      remedy: 'Uninstall one of the two.',
    })
  })
  test('a Kafka that a dispatcher cannot reach is told by the dispatcher', () => {
    const dispatcher = platformPod('dispatcher', 1, { phase: 'Running', containerStatuses: [] })
    const word = { pod: 'dormouse-dispatcher-1', component: 'dispatcher', ready: false, text: 'Kafka does not answer' }
    const deployments = seen([deployment('controller'), deployment('gateway'), deployment('dispatcher', 0)])
    const [finding] = diagnose(
      fineInstallation({ deployments, pods: seen([platformPod('controller', 1), dispatcher]), words: [word] }),
    )
    expect(finding).toMatchObject({ subject: 'dispatcher', remedy: expect.stringContaining('kafka.brokers') })
  })
  test('pods that a quota or pod security forbids are told by the Deployment', () => {
    const failing = deployment('gateway', 0)
    const message = 'pods "x" is forbidden: exceeded quota: small'
    failing.status = {
      ...failing.status,
      conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }],
    }
    const [finding] = diagnose(
      fineInstallation({
        deployments: seen([deployment('controller'), failing]),
        pods: seen([platformPod('controller', 1)]),
      }),
    )
    expect(finding).toMatchObject({
      problem: expect.stringContaining(message),
      remedy: expect.stringMatching(/^Raise the quota/),
    })
  })
  test('a rollout in which some serve and others are young is no finding; without a dispatcher there is no Kafka, and that is fine', () => {
    const young = platformPod('gateway', 2, { phase: 'Pending' })
    young.metadata.creationTimestamp = minutesAgo(0.1)
    const deployments = seen([deployment('controller'), deployment('gateway', 1)])
    expect(told({ deployments, pods: seen([platformPod('controller', 1), young]) })).toEqual([])
  })
  test('another version than the CLI is told', () => {
    expect(told({ cliVersion: '0.2.0' })).toEqual(['version: Version 0.1.0 is installed, and this CLI is 0.2.0.'])
  })
})

describe('leader', () => {
  const held = (spec: object) => {
    const { leases } = fineInstallation()
    return leases.kind === 'seen'
      ? seen(leases.value.map((lease) => ({ ...lease, spec: { ...lease.spec, ...spec } })))
      : leases
  }

  test.each([
    ['nobody holds the Lease', { holderIdentity: '' }, /^leader: No replica leads/],
    [
      'it was renewed long ago',
      { renewTime: minutesAgo(5) },
      /^leader: dormouse-controller-1 held the lead last, 300 s ago/,
    ],
    ['its clock is ahead', { renewTime: minutesAgo(-2) }, /^leader: The leader's clock is 120 s ahead/],
    ['it is no pod of ours', { holderIdentity: 'laptop' }, /^leader: The lead is held by laptop/],
  ])('%s', (_what, spec, want) => {
    expect(told({ leases: held(spec) })).toEqual([expect.stringMatching(want)])
  })
  test("is judged by the API server's clock, not by ours", () => {
    const skewed = { apiServer: seen({ version: 'v1.35.0', timeMs: NOW_MS + 4_000, ourTimeMs: NOW_MS }) }
    const renewTime = new Date(NOW_MS - 9_000).toISOString()
    expect(told({ leases: held({ renewTime }) })).toEqual([])
    expect(told({ ...skewed, leases: held({ renewTime }) })).toEqual([expect.stringContaining('13 s ago')])
  })
  test('without a controller that is ready the controller is the finding', () => {
    const findings = told({ deployments: seen([deployment('controller', 0), deployment('gateway')]), leases: seen([]) })
    expect(findings.filter((one) => one.startsWith('leader'))).toEqual([])
  })
})

describe('workloads', () => {
  test('Functions that are not ready are grouped by reason', () => {
    const lost = { status: 'False' as const, reason: 'RuntimeNotFound' }
    const functions = seen([fn('a', lost), fn('b', lost), fn('c', { status: 'True', reason: 'Asleep' })])
    expect(told({ functions })).toContain(
      'functions: 2 Functions are not ready (RuntimeNotFound): shop/a, shop/b. Because of a.',
    )
  })
  test('one that nobody has looked at is a finding after half a minute, not before', () => {
    const runtimes = seen([{} as never])
    expect(told({ runtimes, functions: seen([fn('a', undefined, 0.2)]) })).toEqual([])
    expect(told({ runtimes, functions: seen([fn('a', undefined, 2)]) })).toEqual([
      'functions: 1 Function is not ready (NotObserved): shop/a. It has no status.',
    ])
  })
  test('Functions without any Runtime are a finding', () => {
    expect(told({ functions: seen([fn('a', { status: 'True', reason: 'Asleep' })]) })).toEqual([
      'runtimes: There is none: no Function that names one can run.',
    ])
  })
  test('pods that do not come up are grouped by Runtime and reason', () => {
    const pull = waiting('ErrImagePull', 'not found')
    const functionPods = seen([
      functionPod('p1', 'shop', pull),
      functionPod('p2', 'shop', pull),
      functionPod('p3', 'shop'),
    ])
    expect(told({ functionPods })).toEqual([
      'runtime node: 2 pods do not come up (ErrImagePull): shop/p1, shop/p2: not found.',
    ])
  })
  test('a pod of a Function’s own is told of as that Function’s, beside those of its Runtime', () => {
    const unscheduled = (message: string) => ({
      phase: 'Pending' as const,
      conditions: [{ type: 'PodScheduled', status: 'False' as const, reason: 'Unschedulable', message }],
    })
    const own = functionPod('p2', 'shop', unscheduled('no such label'))
    Object.assign((own.metadata.labels ??= {}), { [LABEL.function]: 'a', [LABEL.own]: 'runtime' })
    expect(told({ functionPods: seen([functionPod('p1', 'shop', unscheduled('full')), own]) })).toEqual([
      'runtime node: 1 pod does not come up (Unschedulable): shop/p1: full.',
      'function shop/a: 1 pod does not come up (Unschedulable): shop/p2: no such label.',
    ])
  })
  test('pods that were never created are told by what the controller said, while that is recent', () => {
    const functions = seen([said('a')])
    const runtimes = seen([{ metadata: meta('node'), spec: {} } as never])
    expect(told({ functions, runtimes, warnings: seen([warning('PoolBackOff', { minutes: 1 })]) })).toEqual([
      'pods: Said of shop/a in the last ten minutes (PoolBackOff): exceeded quota: small.',
    ])
    expect(told({ functions, runtimes, warnings: seen([warning('PoolBackOff', { minutes: 11 })]) })).toEqual([])
  })
  test('what was said of a Function that is gone, was made anew or has woken since is over', () => {
    const warnings = seen([warning('CannotWake', { minutes: 1 })])
    const runtimes = seen([{ metadata: meta('node'), spec: {} } as never])
    const of = (...functions: never[]) => told({ functions: seen(functions), runtimes, warnings })
    expect(of(said('a'))).toHaveLength(1)
    expect(of()).toEqual([])
    expect(of(said('a', { uid: 'another' }))).toEqual([])
    expect(of(said('a', { readyPods: 1 }))).toEqual([])
    expect(told({ functions: hidden, runtimes, warnings })).toHaveLength(1)
  })
})

describe('network', () => {
  const policy = (spec: object) =>
    seen([{ kind: 'NetworkPolicy', metadata: meta('closed', { namespace: 'shop' }), spec } as never])
  const functionPods = seen([functionPod('p1', 'shop')])
  const ours = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'dormouse-system' } } }

  test.each<[rule: string, spec: object, count: number]>([
    ['a policy that closes a namespace keeps the platform out', { podSelector: {}, policyTypes: ['Ingress'] }, 1],
    [
      'one that lets the platform in does not',
      { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: [ours] }] },
      0,
    ],
    ['one that lets everybody in does not', { podSelector: {}, ingress: [{}] }, 0],
    [
      'one that lets in pods of its own namespace only does',
      { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] },
      1,
    ],
    ['one for other pods does not', { podSelector: { matchLabels: { app: 'db' } }, policyTypes: ['Ingress'] }, 0],
    [
      'an address range may be theirs',
      { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }] },
      0,
    ],
    [
      'one that selects pods by the label of their state does',
      { podSelector: { matchExpressions: [{ key: LABEL.state, operator: 'Exists' }] }, policyTypes: ['Ingress'] },
      1,
    ],
    [
      'a policy that closes the way out keeps pods from the controller',
      { podSelector: {}, policyTypes: ['Egress'], egress: [] },
      1,
    ],
    [
      'one that lets them out to the platform does not',
      { podSelector: {}, policyTypes: ['Egress'], egress: [{ to: [ours] }] },
      0,
    ],
  ])('%s', (_rule, spec, count) => {
    expect(told({ functionPods, policies: policy(spec) })).toHaveLength(count)
  })

  test('a Service of a function that leads elsewhere is a finding', () => {
    const service = (externalName: string) =>
      seen([{ metadata: meta('hello', { namespace: 'shop' }), spec: { type: 'ExternalName', externalName } } as never])
    expect(told({ functionServices: service('dormouse-gateway-internal.dormouse-system.svc.cluster.local') })).toEqual(
      [],
    )
    expect(told({ functionServices: service('dormouse-gateway-internal.old.svc.cluster.local') })).toEqual([
      expect.stringMatching(/^services: The Services of shop\/hello lead to .*old.*, and the gateways are at/),
    ])
  })
})

test('what may not be seen is told, and everything else goes on', () => {
  const not = (what: string) => ({ kind: 'hidden' as const, what, why: `${what} is forbidden` })
  const two = { pods: not('pods'), functionPods: not('pods') }
  const observation = fineInstallation({ ...two, deployments: not('deployments'), apiServer: not('version') })
  const each = ['version: version is forbidden', 'deployments: deployments is forbidden', 'pods: pods is forbidden']
  expect(hiddenOf(observation)).toEqual(each)
  expect(diagnose(observation)).toEqual([])
})
