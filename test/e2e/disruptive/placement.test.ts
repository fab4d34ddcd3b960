/** On which nodes pods run. On all nodes there are at once, so that it holds for clusters of one. Labels and taints go whatever happens. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, afterEach, expect, test } from '@jest/globals'
import type { Runtime } from '../../../api/runtime.ts'
import { API_VERSION, LABEL } from '../../../api/names.ts'
import type { ClusterEvent, Pod } from '../../../kube/objects.ts'
import { scenario, useBed, type Bed } from '../bed.ts'
import { json } from '../call.ts'
import { describeOnCluster } from '../environment.ts'
import { kubectl, kubectlJson, tryKubectl } from '../kubectl.ts'
import { functionOf, saying } from '../manifests.ts'
import { isReady } from '../pods.ts'

const UNIQUE = randomBytes(3).toString('hex')
const KEY = `e2e.dormouse.dev/placement-${UNIQUE}`
const TAINT = `${KEY}=kept:NoSchedule`
const SELECTED = { nodeSelector: { [KEY]: 'here' } }
const TOLERANT = { tolerations: [{ key: KEY, value: 'kept', effect: 'NoSchedule' }] }

/** After its first load a pod is let go, unless somebody calls. */
const AWAKE = { scaling: { min: 1 } }

/** Its name, and not the label of namespaces that is called the same. */
const DOCUMENTED_POLICY = /(?<=(name|policyName): )function-nodes\b/g

const label = () => kubectl(['label', 'nodes', '--all', '--overwrite', `${KEY}=here`])
const taint = () => kubectl(['taint', 'nodes', '--all', '--overwrite', TAINT])
const untaint = () => kubectl(['taint', 'nodes', '--all', `${KEY}-`])

/** What is not there cannot be taken away, and is no failure. */
async function asBefore(): Promise<void> {
  await tryKubectl(['taint', 'nodes', '--all', `${KEY}-`])
  await tryKubectl(['label', 'nodes', '--all', `${KEY}-`])
}

const ready = (bed: Bed, name: string) =>
  bed.kubectl('get', 'functions.dormouse.dev', name, '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].message}')

const isTold = async (bed: Bed, name: string, sentence: RegExp) => {
  const answer = await bed.firstCall(name)
  expect([answer.status, json(answer)]).toEqual([503, expect.objectContaining({ code: 'cannot-wake' })])
  expect(json(answer)['detail']).toMatch(sentence)
  await bed.kubectl('wait', '--for=condition=Ready=false', '--timeout=30s', `functions.dormouse.dev/${name}`)
  await bed.eventually(`the condition of ${name} says so`, async () => sentence.test(await ready(bed, name)))
}
const serves = async (bed: Bed, name: string) => {
  await bed.eventually(`${name} serves`, async () => (await bed.call(name)).status === 200, 60_000)
  await bed.kubectl('wait', '--for=condition=Ready', '--timeout=60s', `functions.dormouse.dev/${name}`)
}

describeOnCluster('the placement of pods', () => {
  const selecting = useBed('placement-label')
  const tolerating = useBed('placement-taint')
  const moving = useBed('placement-runtime')
  const ruled = useBed('placement-policy')
  const runtimeName = `placed-${UNIQUE}`
  const policyName = `function-nodes-${UNIQUE}`
  afterEach(asBefore)
  afterAll(async () => {
    await kubectl(['delete', 'runtimes.dormouse.dev', runtimeName, '--ignore-not-found'])
    const policies = ['validatingadmissionpolicybinding', 'validatingadmissionpolicy']
    for (const kind of policies) await kubectl(['delete', kind, policyName, '--ignore-not-found'])
  })

  scenario(
    selecting,
    'by a label that no node has: it waits and says which; once a node has it, it serves',
    async () => {
      await selecting.apply(functionOf('selected', saying('selected'), { ...SELECTED, ...AWAKE }))
      await isTold(selecting, 'selected', new RegExp(`no node with ${KEY}=here has room for it: .*affinity/selector`))
      await selecting.eventually('an Event says so', async () => {
        const events = await selecting.list<ClusterEvent>('events')
        return events.some(({ involvedObject, message }) => {
          return involvedObject.name === 'selected' && message.includes(`no node with ${KEY}=here`)
        })
      })
      await label()
      await serves(selecting, 'selected')
      const pods = await selecting.pods('selected')
      expect(pods.length).toBeGreaterThan(0)
      for (const { spec } of pods) expect(spec.nodeSelector).toEqual(SELECTED.nodeSelector)
    },
  )

  scenario(tolerating, 'on nodes with a taint: who tolerates it serves, who does not waits until it goes', async () => {
    await taint()
    await tolerating.apply(
      functionOf('tolerant', saying('tolerant'), { ...TOLERANT, ...AWAKE }),
      functionOf('pooled', saying('pooled')),
    )
    await serves(tolerating, 'tolerant')
    await isTold(tolerating, 'pooled', /no node whose taints it tolerates has room for it: .*untolerated taint/)
    const own = await tolerating.pods('tolerant')
    expect(own.map(({ metadata }) => metadata.labels?.[LABEL.own])).toEqual(own.map(() => 'runtime'))
    await untaint()
    await serves(tolerating, 'pooled')
  })

  scenario(moving, 'of a Runtime is that of its pool, which moves with it; whoever serves goes on', async () => {
    const node = await kubectlJson<Runtime>(['get', 'runtimes.dormouse.dev', 'node'])
    const runtime = (spec: object) => ({
      apiVersion: API_VERSION,
      kind: 'Runtime',
      metadata: { name: runtimeName },
      spec: { image: node.spec.image, pool: { size: 1 }, ...spec },
    })
    const waiting = async () => (await moving.list<Pod>('pods', `${LABEL.state}=generic`)).filter(isReady)
    await moving.apply(runtime({}), functionOf('alike', saying('alike'), { runtime: runtimeName, ...AWAKE }))
    await serves(moving, 'alike')
    const before = await moving.pods('alike')

    await label()
    await moving.apply(runtime(SELECTED))
    await moving.eventually(
      'the pool has moved',
      async () => (await waiting()).some(({ spec }) => spec.nodeSelector?.[KEY] === 'here'),
      60_000,
    )
    const wasThere = ({ metadata: { uid } }: Pod) => before.some(({ metadata }) => metadata.uid === uid)
    expect((await moving.pods('alike')).filter(wasThere)).not.toEqual([])
    // One that asks for what its Runtime gives takes a pod of the pool.
    await moving.deploy(functionOf('same', saying('same'), { runtime: runtimeName, ...SELECTED, ...AWAKE }))
    await serves(moving, 'same')
    const pods = await moving.eventually('its pods say so', async () => {
      const found = await moving.pods('same')
      return found.length > 0 && found
    })
    for (const { metadata } of pods) expect(metadata.labels).not.toHaveProperty([LABEL.own])
  })

  scenario(ruled, 'is refused where the policy of docs/pods.md says so, and only there', async () => {
    const written = [...readFileSync('docs/pods.md', 'utf8').matchAll(/```yaml\n(.*?)```/gs)].map(
      ([, yaml = '']) => yaml,
    )
    const policy = written.find((yaml) => yaml.includes('ValidatingAdmissionPolicyBinding')) ?? ''
    await kubectl(['apply', '-f', '-'], { input: policy.replaceAll(DOCUMENTED_POLICY, policyName) })
    await kubectl(['label', 'namespace', ruled.namespace, 'function-nodes=runtime'])
    const placed = (name: string) => functionOf(name, saying(name), SELECTED)
    // The API server takes a moment to know it.
    await ruled.eventually('it is refused', async () => {
      const { code, stderr } = await tryKubectl(['-n', ruled.namespace, 'create', '--dry-run=server', '-f', '-'], {
        input: JSON.stringify(placed('placed')),
      })
      return code !== 0 && stderr.includes('on which nodes functions run is for their Runtime to say')
    })
    await ruled.deploy(functionOf('plain', saying('plain')))
    await selecting.apply(placed('elsewhere'))
  })

  test.each([
    ['a label that is none', { nodeSelector: { 'a b': 'c' } }, /every key must be a label's key/],
    [
      'an operator that there is not',
      { tolerations: [{ key: 'a', operator: 'In' }] },
      /operator: Unsupported value: "In": supported values: /,
    ],
    [
      'an effect that there is not',
      { tolerations: [{ key: 'a', effect: 'Never' }] },
      /effect: Unsupported value: "Never": supported values: /,
    ],
    ['a taint without key', { tolerations: [{ value: 'a' }] }, /key must be set, or operator be Exists/],
    [
      'a time without NoExecute',
      { tolerations: [{ key: 'a', tolerationSeconds: 5 }] },
      /effect must be NoExecute when tolerationSeconds is set/,
    ],
  ])('is refused with %s', async (_what, spec, sentence) => {
    expect(await selecting.refusal(functionOf('bad', saying('bad'), spec))).toMatch(sentence)
  })
})
