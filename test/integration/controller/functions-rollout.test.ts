import { afterEach, describe, expect, test } from '@jest/globals'
import { FUNCTIONS, RUNTIMES } from '../../../api/kinds.ts'
import { codeLoadError } from '../../fakes/fake-fleet.ts'
import type { RevisionTemplate } from '../../../controller/fleet/fleet.ts'
import { CONTROLLER_REVISIONS } from '../../../kube/objects.ts'
import { NAMESPACE, endBeds, startBed } from './functions-bed.ts'
import type { Bed } from './functions-bed.ts'

const KEY = 'default/web'
afterEach(endBeds)

const breaksOn = (word: string) => (template: RevisionTemplate) => {
  if (template.files['index.mjs']?.includes(word) === true) throw codeLoadError()
}

/** A function with `pods` ready pods of code `one`. */
async function awake(bed: Bed, pods: number): Promise<void> {
  await bed.create('web', {})
  await bed.code('web', 'one')
  bed.desired.set(KEY, pods)
  await bed.settle()
  expect(bed.ready('web')).toHaveLength(pods)
}

describe('the first revision', () => {
  test('takes traffic at once and sleeps without a pod', async () => {
    const bed = await startBed()
    await bed.create('web')
    expect(bed.servedRevision('web')).toMatch(/^[0-9a-f]{12}$/)
    expect(bed.fleet.history).toEqual([])
    expect(await bed.condition('web', 'Ready')).toBe('True Asleep')
    expect(await bed.get('web')).toMatchObject({
      status: {
        observedGeneration: 1,
        pods: 0,
        readyPods: 0,
        url: 'http://web.default',
        revision: bed.servedRevision('web'),
      },
    })
  })

  test('is loaded once in the background when asked to, and its pod goes when nobody called', async () => {
    const bed = await startBed({ verifyFirstRevision: true })
    await bed.create('web')
    expect(bed.fleet.history).toEqual([
      expect.stringContaining('start'),
      expect.stringContaining('ready'),
      expect.stringContaining('scaled down'),
    ])
    expect(await bed.condition('web', 'Ready')).toBe('True Asleep')
  })

  test('that does not load is refused to callers until it changes, and the reason names file and line', async () => {
    const bed = await startBed({ verifyFirstRevision: true })
    bed.fleet.beforeReady = breaksOn('=>')
    await bed.create('web')
    const { broken, template } = bed.serving.get(KEY) ?? {}
    expect(template).toBeUndefined()
    expect(broken).toEqual({
      code: 'code-load-failed',
      message: expect.stringContaining("SyntaxError: Unexpected token '}' (index.mjs:3:7)"),
    })
    expect(await bed.condition('web', 'Ready')).toBe('False CodeLoadFailed')
    expect(await bed.condition('web', 'Serving')).toBe('False CodeLoadFailed')
    await bed.pass(600_000, 60_000)
    expect(bed.starts()).toBe(1)
    await bed.code('web', 'fixed')
    expect(bed.servedCode('web')).toBe('fixed')
    expect(await bed.condition('web', 'Ready')).toBe('True Asleep')
  })

  test('found broken by a wake-up is refused just the same', async () => {
    const bed = await startBed()
    await bed.create('web')
    bed.controller.reportLoadFailure(KEY, bed.servedRevision('web')!, codeLoadError())
    await bed.settle()
    expect(bed.serving.get(KEY)?.broken?.code).toBe('code-load-failed')
    expect(await bed.condition('web', 'Ready')).toBe('False CodeLoadFailed')
  })

  test('a report about a revision that is not served any more is ignored', async () => {
    const bed = await startBed()
    await bed.create('web')
    bed.controller.reportLoadFailure(KEY, 'another', codeLoadError())
    await bed.settle()
    expect(bed.serving.get(KEY)?.broken).toBeUndefined()
  })

  test('code that has loaded before is not given up for one load that failed', async () => {
    const bed = await startBed()
    await awake(bed, 1)
    bed.controller.reportLoadFailure(KEY, bed.servedRevision('web')!, codeLoadError())
    await bed.settle()
    expect(bed.servedCode('web')).toBe('one')
  })
})

describe('a changed revision', () => {
  test('takes over only when it has as many pods as the old one, in one change, and then the old pods go', async () => {
    const bed = await startBed()
    await awake(bed, 3)
    const old = bed.servedRevision('web')!
    const seen: { revision: string | undefined; old: number; ready: number }[] = []
    bed.serving.onChange(() =>
      seen.push({
        revision: bed.servedRevision('web'),
        old: bed.ready('web', old).length,
        ready: bed.ready('web').length,
      }),
    )
    await bed.code('web', 'two')
    expect(seen).toEqual([{ revision: bed.servedRevision('web'), old: 3, ready: 3 }])
    expect(bed.servedCode('web')).toBe('two')
    expect(bed.fleet.shape(KEY)).toEqual(Array(3).fill(`${bed.servedRevision('web')!}:ready`))
    expect(await bed.condition('web', 'RolledOut')).toBe('True UpToDate')
    expect(await bed.events()).toContainEqual(expect.stringContaining('RolledOut'))
  })

  test('of a sleeping function is proven by one pod, takes over and sleeps again', async () => {
    const bed = await startBed()
    await bed.create('web')
    await bed.code('web', 'two')
    expect(bed.servedCode('web')).toBe('two')
    expect(bed.fleet.history.filter((line) => line.startsWith('ready'))).toHaveLength(1)
    expect(bed.fleet.shape(KEY)).toEqual([])
    expect(await bed.condition('web', 'Ready')).toBe('True Asleep')
  })

  test('is not started at all when only scaling changed', async () => {
    const bed = await startBed()
    await awake(bed, 1)
    const before = bed.fleet.history.length
    const revision = bed.servedRevision('web')
    await bed.change('web', { scaling: { max: 7 } })
    expect(bed.serving.get(KEY)?.scaling.max).toBe(7)
    expect(bed.servedRevision('web')).toBe(revision)
    expect(bed.fleet.history).toHaveLength(before)
  })

  test('waits while it starts: the old one serves, is scaled, and the status says so', async () => {
    const bed = await startBed()
    await awake(bed, 1)
    const gate = Promise.withResolvers<void>()
    bed.fleet.beforeReady = ({ files }) => (files['index.mjs'] === 'two' ? gate.promise : undefined)
    await bed.code('web', 'two')
    expect(bed.servedCode('web')).toBe('one')
    expect(await bed.condition('web', 'Ready')).toBe('Unknown RollingOut')
    expect(await bed.condition('web', 'Serving')).toBe('True RevisionServes')
    bed.desired.raise(KEY, 4)
    await bed.settle()
    expect(bed.ready('web')).toHaveLength(4)
    gate.resolve()
    await bed.settle()
    expect(bed.servedCode('web')).toBe('two')
    expect(bed.ready('web')).toHaveLength(4)
  })

  test('that does not load leaves the old one serving, waking and scaling; the error is readable', async () => {
    const bed = await startBed()
    await awake(bed, 2)
    bed.fleet.beforeReady = breaksOn('broken')
    await bed.code('web', 'broken')
    expect(bed.servedCode('web')).toBe('one')
    expect(bed.ready('web')).toHaveLength(2)
    expect(await bed.condition('web', 'Ready')).toBe('False CodeLoadFailed')
    expect(await bed.condition('web', 'Serving')).toBe('True RevisionServes')
    expect(await bed.condition('web', 'RolledOut')).toBe('False CodeLoadFailed')
    expect(await bed.message('web', 'Ready')).toContain('index.mjs:3')
    expect(await bed.events()).toContainEqual(expect.stringMatching(/^RolloutFailed: .*SyntaxError/))
    bed.desired.set(KEY, 0)
    await bed.settle()
    expect(bed.ready('web')).toHaveLength(0)
    bed.desired.raise(KEY, 1)
    await bed.settle()
    expect(bed.ready('web')).toHaveLength(1)
    expect(bed.servedCode('web')).toBe('one')
    const starts = bed.starts()
    await bed.pass(300_000, 60_000)
    expect(bed.starts()).toBe(starts)
  })

  test('that was broken rolls out after it is fixed, and one that is edited back needs nothing', async () => {
    const bed = await startBed()
    await awake(bed, 1)
    bed.fleet.beforeReady = breaksOn('broken')
    await bed.code('web', 'broken')
    await bed.code('web', 'one')
    expect(await bed.condition('web', 'Ready')).toBe('True Running')
    await bed.code('web', 'broken')
    await bed.code('web', 'two')
    expect(bed.servedCode('web')).toBe('two')
    expect(await bed.condition('web', 'RolledOut')).toBe('True UpToDate')
  })

  test('that is broken is tried again when its Runtime changes', async () => {
    const bed = await startBed()
    await awake(bed, 1)
    bed.fleet.beforeReady = breaksOn('broken')
    await bed.code('web', 'broken')
    bed.fleet.beforeReady = () => undefined
    await bed.cluster.patch(RUNTIMES, { name: 'node' }, { spec: { image: 'local/newer' } })
    await bed.settle()
    expect(bed.servedCode('web')).toBe('broken')
    expect(await bed.condition('web', 'Ready')).toBe('True Running')
  })

  test('is superseded by a newer one while it starts: its pod goes, the newest takes over', async () => {
    const bed = await startBed()
    await awake(bed, 1)
    bed.fleet.beforeReady = ({ files }) => (files['index.mjs'] === 'two' ? new Promise(() => undefined) : undefined)
    await bed.code('web', 'two')
    await bed.code('web', 'three')
    expect(bed.servedCode('web')).toBe('three')
    expect(bed.fleet.shape(KEY)).toEqual([`${bed.servedRevision('web')!}:ready`])
  })
})

test('200 revisions in a row never leave a moment without a serving revision that has a ready pod', async () => {
  const bed = await startBed()
  await awake(bed, 2)
  const bad: string[] = []
  const check = () => {
    if (bed.ready('web').length === 0) bad.push(`${bed.servedRevision('web')} has no ready pod`)
  }
  bed.serving.onChange(check)
  bed.fleet.onChange(check)
  for (let number = 0; number < 200; number += 1) {
    await bed.cluster.patch(
      FUNCTIONS,
      { namespace: NAMESPACE, name: 'web' },
      { spec: { env: [{ name: 'N', value: `${number}` }] } },
    )
    for (let turns = 0; turns < number % 15; turns += 1) await new Promise(setImmediate)
  }
  await bed.settle()
  expect(bad).toEqual([])
  expect(bed.serving.get(KEY)?.template?.env).toEqual({ N: '199' })
  expect(bed.ready('web')).toHaveLength(2)
  expect(bed.fleet.shape(KEY)).toHaveLength(2)
  expect((await bed.cluster.list(CONTROLLER_REVISIONS)).length).toBeLessThanOrEqual(5)
})
