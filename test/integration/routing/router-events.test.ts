/** What a Router owes the dispatcher: subscriptions as they change, and a place for the load of what waits elsewhere. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { LoadReport } from '../../../api/protocol.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { Router, type BacklogSource } from '../../../routing/router.ts'
import type { Snapshot } from '../../../routing/snapshot.ts'
import { until } from '../../builders/eventually.ts'
import { feedEndpoint, feedFunction, feedSubscription } from '../../builders/feed.ts'
import { FAKE_TOKEN, FakeController } from '../../fakes/fake-controller.ts'

let controller: FakeController
let router: Router
beforeEach(async () => {
  controller = await FakeController.start()
  controller.setFunctions(feedFunction(), feedFunction({ key: 'default/other' }))
  const options = { controllerUrls: [controller.url], token: () => FAKE_TOKEN, reporter: 'dispatcher-1' }
  router = new Router({ ...options, logger: silentLogger, loadIntervalMs: 20 })
})
afterEach(async () => {
  await router.stop()
  await controller.stop()
})

async function startWith(subscriptions: number): Promise<void> {
  router.start()
  await until(() => router.snapshot.subscriptions.length === subscriptions)
}

describe('subscriptions', () => {
  test('come with the snapshot and are replaced whole', async () => {
    controller.setSubscriptions(feedSubscription(), feedSubscription({ trigger: 'default/second' }))
    await startWith(2)
    controller.setSubscriptions(feedSubscription({ trigger: 'default/second', ordering: 'key' }))
    await until(() => router.snapshot.subscriptions.length === 1)
    expect(router.snapshot.subscriptions).toMatchObject([{ trigger: 'default/second', ordering: 'key' }])
  })

  test('are the same list while something else changes: who follows them need not compare', async () => {
    controller.setSubscriptions(feedSubscription())
    await startWith(1)
    const before = router.snapshot
    controller.setFunctions(feedFunction({ revision: 'r2' }))
    await until(() => router.snapshot !== before)
    expect(router.snapshot.subscriptions).toBe(before.subscriptions)
  })

  test('stay while no controller can be reached', async () => {
    controller.setSubscriptions(feedSubscription())
    await startWith(1)
    const seen: Snapshot[] = []
    router.onSnapshot((snapshot) => seen.push(snapshot))
    await controller.stop()
    await until(() => !router.feed.connected)
    expect(router.snapshot.subscriptions).toHaveLength(1)
    expect(seen).toEqual([])
  })

  test('are told to listeners until they unsubscribe', async () => {
    await startWith(0)
    const seen: number[] = []
    const unsubscribe = router.onSnapshot(({ subscriptions }) => seen.push(subscriptions.length))
    controller.setSubscriptions(feedSubscription())
    await until(() => seen.includes(1))
    unsubscribe()
    controller.setSubscriptions()
    await until(() => router.snapshot.subscriptions.length === 0)
    expect(seen).toEqual([1])
  })
})

describe('what waits elsewhere for a function', () => {
  type Load = LoadReport['functions'][number]

  /** What is reported of a function from now on. */
  async function reported(key: string, backlog: BacklogSource): Promise<Load | undefined> {
    router.setBacklog(backlog)
    const seen = controller.reports.length
    // The next but one was surely made after it was set.
    await until(() => controller.reports.length >= seen + 2)
    return controller.reports.at(-1)?.functions.find((load) => load.key === key)
  }
  const waiting: BacklogSource = (key) => (key === 'default/hello' ? { queued: 7, concurrency: 2.5 } : undefined)

  test('is its load though it sleeps: it is queue, and it is not idle', async () => {
    await startWith(0)
    expect(await reported('default/hello', () => undefined)).toBeUndefined()
    expect(await reported('default/hello', waiting)).toEqual({
      key: 'default/hello',
      inFlight: 0,
      queued: 7,
      meanConcurrency: 2.5,
      idleMs: 0,
      endpoints: {},
    })
  })

  test('says nothing of other functions', async () => {
    await startWith(0)
    expect(await reported('default/other', waiting)).toBeUndefined()
  })

  test('is reported until it is gone, with pods that stay', async () => {
    controller.addEndpoints(feedEndpoint({ id: 'p1' }))
    await startWith(0)
    await until(() => router.lane('default/hello')?.podCount === 1)
    expect(await reported('default/hello', waiting)).toMatchObject({ queued: 7, idleMs: 0 })
    const idle = await reported('default/hello', () => undefined)
    expect(idle).toMatchObject({ queued: 0, meanConcurrency: 0 })
    expect(idle).not.toHaveProperty('idleMs')
  })
})
