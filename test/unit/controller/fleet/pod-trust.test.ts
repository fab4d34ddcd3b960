/** What pods and whoever may write Pods can make a controller believe: nothing of other namespaces, no address that nobody vouches for. */
import { expect, test } from '@jest/globals'
import type { ObjectKey } from '../../../../api/names.ts'
import { PodInspector, type PodInspectorOptions } from '../../../../controller/fleet/pod-inspection.ts'
import { PodObserver, type PodObserverOptions } from '../../../../controller/fleet/pod-observer.ts'
import type { ProvenClaim } from '../../../../controller/keys/keys.ts'
import { toFleetPod, type PodRecord } from '../../../../controller/fleet/pod-record.ts'
import { PodTable } from '../../../../controller/fleet/pod-table.ts'
import type { HealthOutcome, RuntimeHealth } from '../../../../controller/fleet/runtime-client.ts'
import type { Pod } from '../../../../kube/objects.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const GENERIC: RuntimeHealth = { state: 'generic' }
const runs = (key: string, revision: string, proof = `p1 ${key} ${revision}`): RuntimeHealth => ({
  ...{ state: 'specialized', function: key, revision, acknowledges: true, proof },
})

/** A follower that sees pods of namespace `a`; functions `a/evil`, `a/sibling` and `b/victim` exist. */
function follower() {
  const table = new PodTable()
  const clock = new FakeClock()
  const world = { health: GENERIC, asked: [] as string[], given: [] as string[] }
  const shared = {
    ...{ table, clock, signal: new AbortController().signal, leadership: { leads: false } },
    labels: { claimed: () => undefined },
    metrics: { labelRepairs: { inc: () => undefined } },
    removal: { giveUp: ({ name }: PodRecord) => void world.given.push(name), retire: () => undefined },
  }
  const offer = (record: PodRecord) => table.change(record, { stage: 'idle', claim: null })
  const known = new Map([
    ['a/evil', 'r9'],
    ['b/victim', 'r1'],
    ['a/sibling', 'r1'],
  ])
  const inspector = new PodInspector({
    ...shared,
    healthTimeoutMs: 100,
    ...{ offer, ownUp: () => false, finish: () => undefined },
    ...{ servingTemplate: () => undefined, timeoutMsOf: () => undefined },
    keys: {
      isClaimProof: (proof: string, claim: ProvenClaim) =>
        proof === `${claim.podUid} ${claim.function} ${claim.revision}`,
    },
    existing: (key: ObjectKey, revision: string) => (known.get(key) === revision ? { uid: 'u' } : undefined),
    client: {
      health: async ({ host }: { host: string }): Promise<HealthOutcome> => {
        world.asked.push(host)
        return { kind: 'answered', health: world.health }
      },
    },
  } as unknown as PodInspectorOptions)
  const nothing = () => undefined
  const observer = new PodObserver({
    ...{ ...shared, inspector, offer, added: nothing, takenElsewhere: nothing, stuck: nothing },
    ...{ own: { added: nothing, stuck: nothing }, resize: { seen: nothing } },
  } as unknown as PodObserverOptions)
  const endpoints = (key: ObjectKey) =>
    table.ofFunction(key).flatMap((record) => toFleetPod(record, (uid) => uid)?.endpoint?.address ?? [])
  return { world, table, inspector, observer, endpoints }
}

interface PodParts {
  labels?: Record<string, string>
  annotations?: Record<string, string>
  podIP?: string
}

function podOf({ labels = {}, annotations = {}, podIP }: PodParts): Pod {
  const names = Object.fromEntries(Object.entries(labels).map(([name, value]) => [`dormouse.dev/${name}`, value]))
  const notes = Object.fromEntries(Object.entries(annotations).map(([name, value]) => [`dormouse.dev/${name}`, value]))
  return {
    metadata: {
      ...{ uid: 'p1', name: 'pod', namespace: 'a', creationTimestamp: '2026-01-01T00:00:00Z' },
      ...{ labels: names, annotations: notes },
    },
    spec: { containers: [{ ports: [] }] },
    status: podIP === undefined ? { phase: 'Pending' } : { phase: 'Running', podIP },
  } as unknown as Pod
}
const POOLED = { runtime: 'node', template: 't' }
const EVIL = { state: 'claimed', function: 'evil', revision: 'r9' }

test('a pod that says it runs a function of another namespace is not published as its', async () => {
  const { world, inspector, observer, endpoints } = follower()
  world.health = runs('b/victim', 'r1')
  observer.seen(podOf({ labels: { ...POOLED, state: 'generic' }, podIP: '10.9.9.9' }))
  await new Promise((resolve) => setImmediate(resolve))
  expect([world.asked.length > 0, endpoints('b/victim')]).toEqual([true, []])
  void inspector
})

test('a pod that says it runs a sibling, before its labels say what it was made to be, is not published as it', async () => {
  const { world, observer, endpoints, table } = follower()
  world.health = runs('a/sibling', 'r1', 'p1 a/evil r9')
  observer.seen(podOf({ labels: { ...POOLED, state: 'generic' }, podIP: '10.9.9.9' }))
  await new Promise((resolve) => setImmediate(resolve))
  expect([world.asked.length > 0, endpoints('a/sibling'), table.get('p1')?.stage]).toEqual([true, [], 'booting'])
})

test('a pod whose labels were lost is believed with the proof that it was given its function', async () => {
  const { world, observer, inspector, endpoints } = follower()
  world.health = runs('a/sibling', 'r1')
  observer.seen(podOf({ labels: { ...POOLED, state: 'generic' }, podIP: '10.9.9.9' }))
  await inspector.settled()
  expect(endpoints('a/sibling')).toHaveLength(1)
})

test('a pod that was found taken acknowledges as it says itself, whatever was guessed of it', async () => {
  const { world, observer, inspector, table } = follower()
  observer.seen(podOf({ labels: { ...POOLED, state: 'generic' }, podIP: '10.9.9.9' }))
  await inspector.settled()
  const record = table.get('p1')!
  const guess = { function: { namespace: 'a', name: 'sibling', uid: '' }, revision: 'r1', claimedAtMs: 0 }
  table.change(record, { stage: 'taken', claim: { ...guess, acknowledges: false, isGuessed: true } })
  world.health = runs('a/sibling', 'r1')
  await inspector.inspect(record)
  expect(toFleetPod(record, (uid) => uid)?.endpoint).toMatchObject({ acknowledges: true })
})

test('a pod that said it runs another function than its labels say is what its labels say', async () => {
  const { world, table, inspector, observer, endpoints } = follower()
  observer.seen(podOf({ labels: { ...POOLED, state: 'generic' }, podIP: '10.9.9.9' }))
  await inspector.settled()
  world.health = runs('a/evil', 'r9')
  await inspector.inspect(table.get('p1')!)
  expect(endpoints('a/evil')).toHaveLength(1)
  const other = { ...POOLED, ...EVIL, function: 'other', revision: 'r2' }
  observer.seen(podOf({ labels: other, podIP: '10.9.9.9' }))
  await new Promise((resolve) => setImmediate(resolve))
  expect(endpoints('a/evil')).toEqual([])
})

test('a pod that the kubelet has not placed is no way to any address: an image is not reached at all, a runtime has to say who it is', async () => {
  const contact = '169.254.169.254 1 80'
  const image = follower()
  image.observer.seen(podOf({ labels: { ...EVIL, own: 'image' }, annotations: { contact } }))
  image.observer.seen(podOf({ labels: { ...EVIL, own: 'image' }, annotations: { contact } }))
  await image.inspector.settled()
  expect(image.endpoints('a/evil')).toEqual([])
  const runtime = follower()
  runtime.world.health = GENERIC
  runtime.observer.seen(podOf({ labels: { ...POOLED, state: 'generic' } }))
  runtime.observer.seen(podOf({ labels: { ...POOLED, ...EVIL }, annotations: { contact } }))
  await new Promise((resolve) => setImmediate(resolve))
  expect([runtime.endpoints('a/evil'), runtime.world.asked]).toEqual([[], ['169.254.169.254']])
})

test('a contact that is no address is none', async () => {
  const { world, inspector, observer } = follower()
  observer.seen(podOf({ labels: { ...POOLED, ...EVIL }, annotations: { contact: 'internal.example 1 80' } }))
  await inspector.settled()
  expect(world.asked).toEqual([])
})
