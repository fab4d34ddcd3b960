import { setImmediate as turn } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from '@jest/globals'
import type { ObjectKey } from '../../../../api/names.ts'
import type { ActivationRequest } from '../../../../api/protocol.ts'
import { createActivations, type Activations } from '../../../../controller/activation/activations.ts'
import { PodStartError, type FleetPod } from '../../../../controller/fleet/fleet.ts'
import { createServingBook, type Serving, type ServingBook } from '../../../../controller/functions/serving.ts'
import { silentLogger } from '../../../../lib/logger.ts'
import { createMetrics } from '../../../../lib/metrics.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { codeLoadError, FakeFleet } from '../../../fakes/fake-fleet.ts'

/** Ready pods of the fake answer somewhere. */
class AnsweringFleet extends FakeFleet {
  override pods(key: ObjectKey): FleetPod[] {
    return super.pods(key).map((pod) => {
      if (pod.phase !== 'ready') return pod
      const { uid: id, name, revision } = pod
      const address = '10.0.0.1:8080'
      const endpoint = { id, pod: name, function: key, revision, address, dataKey: 'k', acknowledges: true }
      return { ...pod, endpoint }
    })
  }
}

const KEY = 'default/hello'
const EPOCH = 'epoch'

describe('activations', () => {
  let clock: FakeClock
  let fleet: AnsweringFleet
  let serving: ServingBook
  let activations: Activations
  let wishes: number[]
  let published: Map<string, number>
  const never = new AbortController().signal

  const serve = (revision: string, change: Partial<Serving> = {}) =>
    serving.set({
      key: KEY,
      uid: 'uid',
      template: {
        function: { namespace: 'default', name: 'hello', uid: 'uid' },
        revision,
        runtime: 'node',
        handler: 'index.handler',
        signature: 'event',
        files: {},
        env: {},
        timeoutMs: 30_000,
        concurrency: 1,
        memoryMb: 128,
      },
      scaling: { min: 0, max: 3, target: 0.7, idleAfterMs: 300_000, maxPodAgeMs: 1e9 },
      signature: 'event',
      concurrency: 1,
      timeoutMs: 30_000,
      memoryMb: 128,
      ...change,
    })
  const ask = (change: Partial<ActivationRequest> = {}) =>
    activations.activate(
      { function: KEY, reporter: 'gw', queued: 1, inFlight: 0, waitMs: 10_000, epoch: EPOCH, version: 1, ...change },
      never,
    )
  const starts = () => fleet.history.filter((line) => line.startsWith('start')).length

  beforeEach(() => {
    clock = new FakeClock()
    fleet = new AnsweringFleet(clock)
    serving = createServingBook()
    wishes = []
    published = new Map()
    activations = createActivations({
      serving,
      fleet,
      feed: { epoch: EPOCH, addedAt: (id) => published.get(id) },
      events: { record: () => undefined },
      clock,
      logger: silentLogger,
      metrics: createMetrics(),
      afterWakeMs: 50,
      onWish: (_key, pods) => wishes.push(pods),
    })
    activations.start()
  })

  test('wishes for all pods in the step in which it starts the missing ones', async () => {
    serve('r1')
    const answer = ask({ queued: 2 })
    expect(wishes).toEqual([2])
    expect(starts()).toBe(2)
    expect(await answer).toMatchObject({ outcome: 'endpoint' })
  })

  test('a pod the asker does not know of is the answer at once, and is not started again', async () => {
    serve('r1')
    await ask()
    expect(await ask()).toMatchObject({ outcome: 'endpoint', endpoint: { id: 'pod-1' } })
    expect(starts()).toBe(1)
  })

  test('a pod the asker knows of is full: another one starts', async () => {
    serve('r1')
    await ask()
    published.set('pod-1', 1)
    clock.advance(3_000)
    expect(await ask()).toMatchObject({ outcome: 'endpoint', endpoint: { id: 'pod-2' } })
  })

  test('whoever has been without any feed since a pod became ready does not know of it', async () => {
    serve('r1')
    await ask()
    clock.advance(5_000)
    expect(await ask({ epoch: 'ended', staleMs: 6_000 })).toMatchObject({ endpoint: { id: 'pod-1' } })
    expect(starts()).toBe(1)
    // With the feed of another replica for as long as that, it does.
    expect(await ask({ epoch: 'another' })).toMatchObject({ endpoint: { id: 'pod-2' } })
  })

  test('waits for pods of the revision that serves when it changes meanwhile', async () => {
    const held = Promise.withResolvers<void>()
    fleet.beforeReady = ({ revision }) => (revision === 'r1' ? held.promise : undefined)
    serve('r1')
    const answer = ask()
    await turn()
    serve('r2')
    expect(await answer).toMatchObject({ endpoint: { revision: 'r2' } })
    held.resolve()
  })

  test('a pod of a revision that is being brought up keeps nobody from the one that serves', async () => {
    fleet.beforeReady = ({ revision }) => (revision === 'r2' ? new Promise(() => undefined) : undefined)
    serve('r1', { scaling: { min: 0, max: 1, target: 0.7, idleAfterMs: 300_000, maxPodAgeMs: 1e9 } })
    void fleet.start({ ...serving.get(KEY)!.template!, revision: 'r2' })
    await turn()
    expect(fleet.shape(KEY)).toEqual(['r2:starting'])
    const answers = [ask(), ask()]
    expect(await Promise.all(answers)).toMatchObject([
      { endpoint: { revision: 'r1' } },
      { endpoint: { revision: 'r1' } },
    ])
    expect(fleet.shape(KEY)).toEqual(['r1:ready', 'r2:starting'])
    expect(Math.max(...wishes)).toBe(1)
  })

  test('a pod that only loads new code for the first time is wished for once somebody waits for it', async () => {
    serve('r1')
    const loads = fleet.start(serving.get(KEY)!.template!)
    expect(await ask()).toMatchObject({ endpoint: { id: 'pod-1' } })
    await loads
    expect([starts(), wishes]).toEqual([1, [1]])
  })

  test('says that the function is gone when it is deleted meanwhile', async () => {
    fleet.beforeReady = () => new Promise(() => undefined)
    serve('r1')
    const answer = ask()
    serving.remove(KEY)
    expect(await answer).toMatchObject({ outcome: 'failed', code: 'unknown-function' })
  })

  test('does not wait longer than it was told to', async () => {
    fleet.beforeReady = () => new Promise(() => undefined)
    serve('r1')
    const answer = ask({ waitMs: 1_000 })
    clock.advance(1_000)
    expect(await answer).toEqual({ outcome: 'at-capacity' })
    expect(clock.pending).toBe(0)
  })

  test('one pod that cannot be started is not a failure while another one starts', async () => {
    let count = 0
    fleet.beforeReady = async () => {
      count += 1
      if (count === 1) throw new PodStartError('start-failed', 'no room')
      for (let turns = 0; turns < 5; turns += 1) await turn()
    }
    serve('r1')
    expect(await ask({ queued: 2 })).toMatchObject({ outcome: 'endpoint', endpoint: { id: 'pod-2' } })
  })

  test('when none can be started, says why and when to try again, and starts nothing until then', async () => {
    fleet.beforeReady = () => {
      throw new PodStartError('start-failed', 'no room')
    }
    serve('r1')
    expect(await ask()).toEqual({ outcome: 'failed', code: 'cannot-wake', message: 'no room', retryAfterMs: 500 })
    clock.advance(499)
    expect(await ask()).toMatchObject({ code: 'cannot-wake', retryAfterMs: 1 })
    expect(starts()).toBe(1)
    clock.advance(1)
    await ask()
    expect(starts()).toBe(2)
  })

  test('a new revision is tried although the old one did not load', async () => {
    fleet.beforeReady = ({ revision }) => {
      if (revision === 'r1') throw codeLoadError()
    }
    serve('r1')
    expect(await ask()).toMatchObject({ outcome: 'failed', code: 'code-load-failed' })
    serve('r2')
    expect(await ask()).toMatchObject({ outcome: 'endpoint' })
  })

  test('a function without a revision that can run answers with the reason', async () => {
    serving.set({
      key: KEY,
      uid: 'uid',
      broken: { code: 'code-load-failed', message: 'line 3' },
      scaling: { min: 0, max: 3, target: 0.7, idleAfterMs: 1, maxPodAgeMs: 1 },
      signature: 'event',
      concurrency: 1,
      timeoutMs: 1,
      memoryMb: 1,
    })
    expect(await ask()).toEqual({ outcome: 'failed', code: 'code-load-failed', message: 'line 3' })
  })
})
