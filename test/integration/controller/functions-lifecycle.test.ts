import { afterEach, describe, expect, test } from '@jest/globals'
import { FUNCTIONS, RUNTIMES } from '../../../api/kinds.ts'
import { PodStartError } from '../../../controller/fleet/fleet.ts'
import { CONTROLLER_REVISIONS, type ControllerRevision } from '../../../kube/objects.ts'
import { newFunction } from '../../builders/kube-objects.ts'
import { codeLoadError } from '../../fakes/fake-fleet.ts'
import { NAMESPACE, createRuntime, createWorld, endBeds, startBed } from './functions-bed.ts'
import type { Bed } from './functions-bed.ts'

const KEY = 'default/web'
const LATE = { namespace: NAMESPACE, name: 'late' }
afterEach(endBeds)

const forever = () => new Promise<void>(() => undefined)

async function awake(bed: Bed, pods: number, spec = {}): Promise<void> {
  await bed.create('web', spec)
  bed.desired.set(KEY, pods)
  await bed.settle()
  expect(bed.ready('web')).toHaveLength(pods)
}

/** What the garbage collector does to what a Function owns when it is deleted with `--cascade=orphan`. */
async function orphan(bed: Bed, { metadata: { name } }: ControllerRevision, change: object = {}): Promise<void> {
  const metadata = { ownerReferences: [], ...change }
  await bed.cluster.patch(CONTROLLER_REVISIONS, { namespace: NAMESPACE, name }, { metadata })
}

describe('a Function that goes', () => {
  test('in the middle of a rollout takes pods, book entries and revisions with it', async () => {
    const bed = await startBed()
    await awake(bed, 2)
    bed.fleet.beforeReady = forever
    await bed.code('web', 'two')
    expect(bed.fleet.shape(KEY)).toHaveLength(3)
    await bed.remove('web')
    expect(bed.fleet.pods(KEY)).toEqual([])
    expect(bed.serving.get(KEY)).toBeUndefined()
    expect(bed.desired.get(KEY)).toBeUndefined()
    expect(await bed.cluster.list(CONTROLLER_REVISIONS)).toEqual([])
  })

  test('and comes back under its name in one breath is a new one: nothing of the old serves', async () => {
    const bed = await startBed()
    await awake(bed, 2)
    const { uid } = (await bed.get('web')).metadata
    await bed.cluster.delete(FUNCTIONS, { namespace: NAMESPACE, name: 'web' })
    await bed.cluster.create(FUNCTIONS, newFunction({ namespace: NAMESPACE, name: 'web' }))
    await bed.settle()
    await bed.pass(2_000)
    expect(bed.serving.get(KEY)?.uid).not.toBe(uid)
    expect(bed.serving.get(KEY)?.template?.function.uid).toBe(bed.serving.get(KEY)?.uid)
    expect(bed.fleet.pods(KEY)).toEqual([])
    expect(await bed.condition('web', 'Ready')).toBe('True Asleep')
    expect(await bed.cluster.list(CONTROLLER_REVISIONS)).toHaveLength(1)
  })

  test('and leaves its revision behind (--cascade=orphan) is made anew, with a revision of its own', async () => {
    const bed = await startBed()
    await awake(bed, 1)
    const [left] = await bed.cluster.list(CONTROLLER_REVISIONS)
    await orphan(bed, left!)
    await bed.remove('web')
    expect(await bed.cluster.list(CONTROLLER_REVISIONS)).toHaveLength(1)
    await bed.create('web')
    await bed.pass(2_000)
    expect(await bed.condition('web', 'Ready')).toBe('True Asleep')
    const [made, ...others] = await bed.cluster.list(CONTROLLER_REVISIONS)
    expect(others).toEqual([])
    expect(made?.metadata.name).toBe(left?.metadata.name)
    expect(made?.metadata.ownerReferences?.map(({ uid }) => uid)).toEqual([(await bed.get('web')).metadata.uid])
  })

  test('never costs anybody else an object of that name', async () => {
    const bed = await startBed()
    await awake(bed, 1)
    const [left] = await bed.cluster.list(CONTROLLER_REVISIONS)
    await orphan(bed, left!, { labels: { 'app.kubernetes.io/managed-by': 'somebody' } })
    await bed.remove('web')
    await bed.create('web')
    await bed.pass(2_000)
    expect((await bed.cluster.list(CONTROLLER_REVISIONS)).map(({ metadata }) => metadata.uid)).toEqual([
      left?.metadata.uid,
    ])
  })
})

describe('a Runtime', () => {
  test('that does not exist is said in one sentence, and its creation is enough', async () => {
    const bed = await startBed({ runtime: '' })
    await bed.create('web')
    expect(await bed.condition('web', 'Ready')).toBe('False RuntimeNotFound')
    expect(await bed.message('web', 'Ready')).toBe('Runtime "node" does not exist: create it or change spec.runtime.')
    expect(bed.serving.get(KEY)?.broken?.code).toBe('runtime-missing')
    await createRuntime(bed.world, 'node')
    await bed.settle()
    expect(await bed.condition('web', 'Ready')).toBe('True Asleep')
    expect(bed.serving.get(KEY)?.broken).toBeUndefined()
  })

  test('that goes away lets warm pods serve', async () => {
    const bed = await startBed()
    await awake(bed, 1)
    await bed.cluster.delete(RUNTIMES, { name: 'node' })
    await bed.settle()
    expect(bed.servedRevision('web')).toBeDefined()
    expect(bed.ready('web')).toHaveLength(1)
  })

  test('that a changed spec misnames leaves the old revision serving', async () => {
    const bed = await startBed()
    await awake(bed, 1)
    const revision = bed.servedRevision('web')
    await bed.change('web', { runtime: 'cobol' })
    expect(bed.servedRevision('web')).toBe(revision)
    expect(await bed.condition('web', 'Ready')).toBe('False RuntimeNotFound')
    expect(await bed.condition('web', 'Serving')).toBe('True RevisionServes')
  })
})

describe('pods', () => {
  test('are kept warm up to min, also when they die, and never more than max', async () => {
    const bed = await startBed()
    await bed.create('web', { scaling: { min: 2, max: 3, target: 0.7, idleAfter: '5m', maxPodAge: '4h' } })
    expect(bed.ready('web')).toHaveLength(2)
    await bed.pass(60_000, 10_000)
    bed.fleet.die(bed.ready('web')[0]!.uid)
    await bed.settle()
    expect(bed.ready('web')).toHaveLength(2)
    bed.desired.raise(KEY, 50)
    await bed.settle()
    expect(bed.ready('web')).toHaveLength(3)
  })

  test('that die are not replaced when nobody wants them', async () => {
    const bed = await startBed()
    await awake(bed, 2)
    bed.desired.set(KEY, 1)
    bed.fleet.die(bed.ready('web')[0]!.uid)
    await bed.settle()
    expect(bed.starts()).toBe(2)
    expect(bed.ready('web')).toHaveLength(1)
  })

  test('that end as soon as they are ready are replaced with growing waits', async () => {
    const bed = await startBed()
    bed.fleet.onChange(() => setImmediate(() => bed.ready('web').forEach(({ uid }) => bed.fleet.die(uid))))
    await bed.create('web', { scaling: { min: 1, max: 3, target: 0.7, idleAfter: '5m', maxPodAge: '4h' } })
    await bed.pass(60_000, 250)
    expect(bed.starts()).toBeGreaterThan(4)
    expect(bed.starts()).toBeLessThan(12)
    expect(await bed.condition('web', 'Ready')).toBe('False PodsEnd')
    expect(await bed.message('web', 'Ready')).toMatch(/^Pods of revision \S+ end .*: the last one did after 0\.\d s/)
  })

  test('that do not start are tried again with growing waits, the reason is said and goes when one comes up', async () => {
    const bed = await startBed()
    await bed.create('web')
    bed.fleet.beforeReady = () => {
      throw new PodStartError('start-failed', 'no room on any node')
    }
    bed.desired.raise(KEY, 1)
    await bed.pass(30_000, 500)
    expect(bed.starts()).toBeLessThan(9)
    expect(await bed.condition('web', 'Ready')).toBe('False StartFailed')
    expect(await bed.message('web', 'Ready')).toContain('no room on any node')
    bed.fleet.beforeReady = () => undefined
    await bed.pass(60_000, 5_000)
    expect(await bed.condition('web', 'Ready')).toBe('True Running')
  })

  test('of a failing start of a changed revision leave the old one serving, then take over', async () => {
    const bed = await startBed()
    await awake(bed, 1)
    const old = bed.servedRevision('web')
    bed.fleet.beforeReady = () => {
      throw new PodStartError('start-timeout', 'not up within 60 s')
    }
    await bed.code('web', 'two')
    expect(bed.servedRevision('web')).toBe(old)
    expect(await bed.condition('web', 'RolledOut')).toBe('False StartFailed')
    bed.fleet.beforeReady = () => undefined
    await bed.pass(5_000, 500)
    expect(bed.servedCode('web')).toBe('two')
  })

  test('past their age are replaced one by one, the replacement first', async () => {
    const bed = await startBed()
    await awake(bed, 3, { scaling: { min: 0, max: 3, target: 0.7, idleAfter: '5m', maxPodAge: '1h' } })
    const before = bed.ready('web').map(({ uid }) => uid)
    const counts: number[] = []
    bed.fleet.onChange(() => counts.push(bed.ready('web').length))
    await bed.pass(3_600_000, 60_000)
    expect(bed.ready('web').map(({ uid }) => uid)).not.toEqual(expect.arrayContaining([before[0]]))
    expect(bed.ready('web').some(({ uid }) => before.includes(uid))).toBe(false)
    expect(Math.min(...counts)).toBe(3)
    expect(Math.max(...counts)).toBe(4)
    expect(bed.starts()).toBe(6)
  })
})

describe('verification', () => {
  test('loads a few revisions at a time, changed ones first', async () => {
    const bed = await startBed({ verifyFirstRevision: true, verifyConcurrency: 2 })
    await bed.create('changed')
    const releases: (() => void)[] = []
    const order: string[] = []
    bed.fleet.beforeReady = ({ function: { name } }) => {
      order.push(name)
      return new Promise((release) => releases.push(release))
    }
    for (const name of ['a', 'b', 'c', 'd']) await bed.create(name)
    await bed.code('changed', 'two')
    expect(order).toEqual(['a', 'b'])
    while (releases.length > 0) {
      releases.shift()!()
      await bed.settle()
      expect(releases.length).toBeLessThanOrEqual(2)
    }
    expect(order).toEqual(['a', 'b', 'changed', 'c', 'd'])
  })
})

describe('a new function whose turn to be loaded does not come in time', () => {
  const crowd = async () => {
    const world = createWorld()
    const bed = await startBed({ world, verifyFirstRevision: true, verifyConcurrency: 1 })
    bed.fleet.beforeReady = ({ function: { name } }) => (name === 'late' ? undefined : forever())
    // The first gives its slot on when the others have waited as long as a new one does: the second has it then.
    for (const name of ['first', 'second', 'late']) await bed.create(name)
    return { world, bed }
  }

  test('is Ready all the same and says so; the one being loaded is waited for', async () => {
    const { bed } = await crowd()
    expect(await bed.condition('late', 'Ready')).toBe('Unknown Verifying')
    await bed.pass(10_000)
    expect(await bed.condition('late', 'Ready')).toBe('True NotLoadedYet')
    expect(await bed.condition('first', 'Ready')).toBe('Unknown Verifying')
    expect(await bed.condition('second', 'Ready')).toBe('Unknown Verifying')
    expect(bed.starts()).toBe(2)
  })

  test('stays so under the next controller, and writes nothing', async () => {
    const { world, bed } = await crowd()
    await bed.pass(10_000)
    await bed.stop()
    const version = async () => (await world.cluster.get(FUNCTIONS, LATE))?.metadata.resourceVersion
    const before = await version()
    const second = await startBed({ world, verifyFirstRevision: true })
    await second.pass(60_000, 10_000)
    expect(await second.condition('late', 'Ready')).toBe('True NotLoadedYet')
    expect(await version()).toBe(before)
  })

  test('of a crowd those after the first hundred are Ready at once and none is loaded; who comes later is', async () => {
    const bed = await startBed({ verifyFirstRevision: true })
    for (let number = 0; number <= 101; number += 1) await bed.create(`many-${number}`)
    expect(await bed.condition('many-101', 'Ready')).toBe('True NotLoadedYet')
    const loadedBefore = bed.starts()
    await bed.pass(10_000)
    expect(await bed.condition('many-101', 'Ready')).toBe('True NotLoadedYet')
    expect(bed.starts()).toBe(loadedBefore)
    await bed.create('later')
    expect(bed.starts()).toBe(loadedBefore + 1)
  })

  test('is broken once its first call finds that its code does not load', async () => {
    const { bed } = await crowd()
    await bed.pass(10_000)
    const revision = bed.servedRevision('late') ?? ''
    bed.controller.reportLoadFailure('default/late', revision, codeLoadError())
    await bed.settle()
    expect(await bed.condition('late', 'Ready')).toBe('False CodeLoadFailed')
  })
})

describe('a controller that starts again', () => {
  test('in the middle of a rollout goes on with the old revision serving, and finishes it', async () => {
    const world = createWorld()
    const first = await startBed({ world })
    await awake(first, 2)
    const old = first.servedRevision('web')
    world.fleet.beforeReady = forever
    await first.code('web', 'two')
    await first.stop()
    world.fleet.beforeReady = () => undefined
    for (const { uid, phase } of world.fleet.pods(KEY)) if (phase === 'starting') world.fleet.die(uid)

    const second = await startBed({ world })
    const served: (string | undefined)[] = []
    second.serving.onChange(() => served.push(second.servedRevision('web')))
    await second.settle()
    expect(served[0]).toBe(old)
    expect(second.servedCode('web')).toBe('two')
    expect(second.ready('web')).toHaveLength(2)
  })

  test('holds the pods there are until the autoscaler has decided', async () => {
    const world = createWorld()
    const first = await startBed({ world })
    await awake(first, 3)
    await first.stop()
    const second = await startBed({ world })
    await second.pass(10_000)
    expect(second.ready('web')).toHaveLength(3)
    expect(second.desired.get(KEY)).toBeUndefined()
    expect(second.starts()).toBe(3)
  })

  test('does not load again what was good, nor what was broken', async () => {
    const world = createWorld()
    const first = await startBed({ world, verifyFirstRevision: true })
    await first.create('web')
    world.fleet.beforeReady = () => {
      throw codeLoadError()
    }
    await first.create('bad')
    await first.code('web', 'broken')
    const before = first.starts()
    const revision = first.servedRevision('web')
    await first.stop()
    const second = await startBed({ world, verifyFirstRevision: true })
    await second.settle()
    expect(second.starts()).toBe(before)
    expect(second.servedRevision('web')).toBe(revision)
    expect(second.serving.get('default/bad')?.broken?.message).toContain('SyntaxError')
    expect(await second.condition('bad', 'Ready')).toBe('False CodeLoadFailed')
    expect(await second.condition('web', 'Ready')).toBe('False CodeLoadFailed')
  })

  test('writes nothing for functions that sleep', async () => {
    const world = createWorld()
    const first = await startBed({ world })
    for (const name of ['a', 'b', 'c']) await first.create(name)
    await first.stop()
    const versions = async () => (await world.cluster.list(FUNCTIONS)).map(({ metadata }) => metadata.resourceVersion)
    const before = await versions()
    const second = await startBed({ world })
    await second.pass(600_000, 60_000)
    expect(await versions()).toEqual(before)
    expect(second.clock.pending).toBe(0)
  })
})

describe('revisions', () => {
  test('are kept: the serving one, the latest, and three more', async () => {
    const bed = await startBed()
    await bed.create('web')
    for (let number = 0; number < 8; number += 1) await bed.code('web', `version ${number}`)
    const kept = (await bed.cluster.list(CONTROLLER_REVISIONS)).map(({ revision }) => revision)
    expect(kept.sort()).toEqual([6, 7, 8, 9])
  })

  test('a serving one outlives any number of broken ones', async () => {
    const bed = await startBed()
    await bed.create('web')
    await bed.code('web', 'good')
    bed.fleet.beforeReady = () => {
      throw codeLoadError()
    }
    for (let number = 0; number < 8; number += 1) await bed.code('web', `broken ${number}`)
    expect(bed.servedCode('web')).toBe('good')
    const names = (await bed.cluster.list(CONTROLLER_REVISIONS)).map(({ metadata }) => metadata.name)
    expect(names).toContain(`web-${bed.servedRevision('web')!}`)
    expect(names).toHaveLength(5)
  })

  test('that is deleted by hand is stored again while it is needed', async () => {
    const bed = await startBed()
    await bed.create('web')
    const name = `web-${bed.servedRevision('web')!}`
    await bed.cluster.delete(CONTROLLER_REVISIONS, { namespace: NAMESPACE, name })
    await bed.settle()
    expect(await bed.cluster.get(CONTROLLER_REVISIONS, { namespace: NAMESPACE, name })).toBeDefined()
  })
})

test('1,000 sleeping functions are synced within 10 s and written once each', async () => {
  const world = createWorld()
  const names = Array.from({ length: 1_000 }, (_, index) => `fn-${index}`)
  for (const name of names) await world.cluster.create(FUNCTIONS, newFunction({ namespace: NAMESPACE, name }))
  // Of this process: what others take of the machine is not ours.
  const before = process.cpuUsage()
  const bed = await startBed({ world })
  while ([...bed.serving.all()].length < names.length) await bed.settle()
  await bed.settle()
  const { user, system } = process.cpuUsage(before)
  expect((user + system) / 1_000).toBeLessThan(10_000)
  const functions = await bed.cluster.list(FUNCTIONS)
  expect(functions.every(({ status }) => status?.observedGeneration === 1)).toBe(true)
  const versions = functions.map(({ metadata }) => metadata.resourceVersion)
  await bed.pass(60_000, 10_000)
  expect((await bed.cluster.list(FUNCTIONS)).map(({ metadata }) => metadata.resourceVersion)).toEqual(versions)
}, 120_000)
