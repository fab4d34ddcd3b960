/** On which nodes pods run: what pods are given, which of them are used, and what is said when no node fits. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { RuntimeSpec } from '../../../api/runtime.ts'
import { FUNCTIONS, RUNTIMES } from '../../../api/kinds.ts'
import { LABEL } from '../../../api/names.ts'
import { PODS, type Pod } from '../../../kube/objects.ts'
import { eventually, until } from '../../builders/eventually.ts'
import { activate, ControllerBed, endpointOf, invoke, NAMESPACE } from './controller-bed.ts'

let bed: ControllerBed
beforeEach(() => {
  bed = new ControllerBed()
})
afterEach(() => bed.stop())

const SSD = { disk: 'ssd' }
const HDD = { disk: 'hdd' }
const GPU = { key: 'gpu', operator: 'Exists' as const, effect: 'NoSchedule' as const }
const SPOT = { key: 'spot', operator: 'Equal' as const, value: 'true' }

const placed = (spec: Partial<RuntimeSpec>) => bed.cluster.patch(RUNTIMES, { name: 'node' }, { spec })
const isGeneric = ({ metadata }: Pod) => metadata.labels?.[LABEL.state] === 'generic'
const isOf = (name: string) => (pod: Pod) =>
  pod.metadata.labels?.[LABEL.function] === name && pod.metadata.labels[LABEL.state] === 'claimed'
const podsThat = async (is: (pod: Pod) => boolean) => (await bed.pods()).filter(is)
const readyOf = async (name: string) => {
  const fn = await bed.cluster.get(FUNCTIONS, { name, namespace: NAMESPACE })
  return fn?.status?.conditions?.find(({ type }) => type === 'Ready')
}

/** What the scheduler says of every pod that waits for a node. */
async function findNoNode(): Promise<void> {
  const message = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
  const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }]
  for (const { metadata } of await bed.pods())
    await bed.cluster.patchStatus(PODS, { name: metadata.name, namespace: NAMESPACE }, { phase: 'Pending', conditions })
}

describe('pods', () => {
  test('that wait are where their Runtime says, and those of a Function where both say', async () => {
    await bed.start({ poolSize: 1 })
    await placed({ nodeSelector: SSD, tolerations: [SPOT] })
    const process = await bed.controller()
    await bed.function('plain')
    await bed.function('special', { nodeSelector: { arch: 'arm64' }, tolerations: [SPOT, GPU] })
    endpointOf(await activate(process, 'special'))
    await until(async () => (await podsThat(isGeneric)).length === 1)
    const [waiting] = await podsThat(isGeneric)
    expect(waiting?.spec).toMatchObject({ nodeSelector: SSD, tolerations: [SPOT] })
    const [own] = await podsThat(isOf('special'))
    expect(own?.metadata.labels).toMatchObject({ [LABEL.own]: 'runtime' })
    expect(own?.spec).toMatchObject({ nodeSelector: { ...SSD, arch: 'arm64' }, tolerations: [SPOT, GPU] })
  })

  test('of the pool serve a Function that asks for no more than its Runtime does', async () => {
    await bed.start({ poolSize: 1 })
    await placed({ nodeSelector: { ...SSD, arch: 'arm64' }, tolerations: [GPU, SPOT] })
    const process = await bed.controller()
    await bed.function('alike', { nodeSelector: SSD, tolerations: [SPOT] })
    await until(() => bed.kubelet.started === 1)
    const { pod } = endpointOf(await activate(process, 'alike'))
    const [first] = bed.kubelet.pods.keys()
    expect(pod).toBe(first)
  })

  test('that wait are replaced when their Runtime moves, and those that serve go on', async () => {
    await bed.start({ poolSize: 1 })
    const process = await bed.controller()
    await bed.function('hello')
    const serving = endpointOf(await activate(process, 'hello'))
    await until(async () => (await podsThat(isGeneric)).length === 1)
    const [before] = await podsThat(isGeneric)
    await placed({ nodeSelector: SSD })
    await eventually('the pool has moved', async () => {
      const [now] = await podsThat(isGeneric)
      return now !== undefined && now.metadata.uid !== before?.metadata.uid && now.spec.nodeSelector?.['disk'] === 'ssd'
    })
    expect((await invoke(serving)).status).toBe(200)
  })

  test('are rolled when their Function moves', async () => {
    await bed.start()
    const process = await bed.controller()
    await bed.function('hello', { tolerations: [GPU] })
    const { revision } = endpointOf(await activate(process, 'hello'))
    await bed.cluster.patch(FUNCTIONS, { name: 'hello', namespace: NAMESPACE }, { spec: { nodeSelector: SSD } })
    await eventually('only pods of the new place are left', async () => {
      const pods = await podsThat(isOf('hello'))
      return pods.length > 0 && pods.every(({ spec }) => spec.nodeSelector?.['disk'] === 'ssd')
    })
    const moved = endpointOf(await activate(process, 'hello'))
    expect(moved.revision).not.toBe(revision)
    expect((await invoke(moved)).status).toBe(200)
  })
})

describe('who waits for a pod that no node takes', () => {
  test('is told what was asked for, and is served once a node has it', async () => {
    await bed.start()
    const node = Promise.withResolvers<void>()
    bed.kubelet.behaviour = { boots: node.promise }
    const process = await bed.controller({ verifyFirstRevision: true })
    await bed.function('special', { nodeSelector: SSD })
    await until(() => bed.kubelet.started === 1)
    await findNoNode()
    const told = expect.stringMatching(/no node with disk=ssd has room for it: 0\/1 .* affinity\/selector/)
    await eventually('it is not ready', async () => (await readyOf('special'))?.reason === 'StartFailed')
    expect(await readyOf('special')).toMatchObject({ status: 'False', message: told })
    expect(await bed.events('StartFailed')).toEqual([told])
    expect(await activate(process, 'special')).toMatchObject({ outcome: 'failed', message: told })
    expect(bed.kubelet.started).toBe(1)
    node.resolve()
    await eventually('it is ready', async () => (await readyOf('special'))?.status === 'True')
    // What callers were told holds for a moment.
    await eventually('it serves', async () => (await activate(process, 'special')).outcome === 'endpoint')
  })

  test('gets another one when its Runtime moves to where there are nodes', async () => {
    await bed.start()
    await placed({ nodeSelector: HDD })
    bed.kubelet.behaviour = { neverBoots: true }
    const process = await bed.controller()
    await bed.function('own', { tolerations: [GPU] })
    const asked = activate(process, 'own')
    await until(() => bed.kubelet.started === 1)
    await findNoNode()
    expect(await asked).toMatchObject({ outcome: 'failed' })
    bed.kubelet.behaviour = {}
    await placed({ nodeSelector: SSD })
    await eventually('a pod in the new place serves', async () => {
      const { outcome } = await activate(process, 'own')
      return outcome === 'endpoint'
    })
    expect((await podsThat(isOf('own'))).map(({ spec }) => spec.nodeSelector)).toEqual([SSD])
  })

  test('of a pool is not told of one that waits where its Runtime was', async () => {
    await bed.start()
    await placed({ nodeSelector: HDD })
    bed.kubelet.behaviour = { neverBoots: true }
    const process = await bed.controller()
    await bed.function('pooled')
    const asked = activate(process, 'pooled')
    await until(() => bed.kubelet.started === 1)
    await findNoNode()
    expect(await asked).toMatchObject({ outcome: 'failed' })
    bed.kubelet.behaviour = {}
    await placed({ nodeSelector: SSD })
    const isServed = async () => (await activate(process, 'pooled')).outcome === 'endpoint'
    // Sooner than what nobody needs any more is cleared away.
    await eventually('a pod in the new place serves', isServed, { withinMs: 3_000 })
  })

  test('is told that its Function and its Runtime ask for what no node is', async () => {
    await bed.start()
    await placed({ nodeSelector: { 'kubernetes.io/arch': 'amd64' } })
    const process = await bed.controller()
    await bed.function('arm', { nodeSelector: { 'kubernetes.io/arch': 'arm64' } })
    expect(await activate(process, 'arm')).toMatchObject({
      outcome: 'failed',
      message: expect.stringContaining(
        'its nodeSelector asks for kubernetes.io/arch=arm64, and that of Runtime node for kubernetes.io/arch=amd64: no node has both',
      ),
    })
    expect(bed.kubelet.started).toBe(0)
  })
})
