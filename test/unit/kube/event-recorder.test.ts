import { describe, expect, test } from '@jest/globals'
import type { KubeObject } from '../../../api/object.ts'
import { EventRecorder } from '../../../kube/event-recorder.ts'
import { createMemoryCluster } from '../../../kube/memory/memory-cluster.ts'
import { EVENTS } from '../../../kube/objects.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

function setUp() {
  const clock = new FakeClock()
  const errors: unknown[] = []
  const cluster = createMemoryCluster({ now: clock.now, onError: (error) => errors.push(error) })
  const newRecorder = () =>
    new EventRecorder({
      cluster,
      now: clock.now,
      component: 'test',
      deletesForgotten: true,
      onError: (error) => errors.push(error),
    })
  const counts = async () => (await cluster.list(EVENTS)).map(({ message, count }) => [message, count])
  return { clock, errors, cluster, newRecorder, counts }
}

const objectNamed = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'n', uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: '' },
})

const event = (name: string, message: string) =>
  ({ regarding: objectNamed(name), type: 'Normal', reason: 'Woke', message }) as const

describe('an event recorder', () => {
  test('counts repeats and moves lastTimestamp on', async () => {
    const { clock, cluster, newRecorder } = setUp()
    const recorder = newRecorder()
    await recorder.record(event('a', 'It woke.'))
    clock.advance(60_000)
    await recorder.record(event('a', 'It woke.'))
    expect(await cluster.list(EVENTS)).toMatchObject([
      {
        metadata: { namespace: 'n' },
        count: 2,
        firstTimestamp: '2026-01-01T00:00:00Z',
        lastTimestamp: '2026-01-01T00:01:00Z',
        source: { component: 'test' },
      },
    ])
  })

  test('writes a burst per object and then one per ten seconds, and counts what it did not write', async () => {
    const { clock, cluster, newRecorder, counts } = setUp()
    const recorder = newRecorder()
    for (let repeat = 0; repeat < 1000; repeat += 1) await recorder.record(event('a', 'It woke.'))
    expect(await counts()).toEqual([['It woke.', 25]])
    await recorder.record(event('b', 'Another woke.'))
    expect(await cluster.list(EVENTS)).toHaveLength(2)
    clock.advance(10_000)
    await recorder.record(event('a', 'It woke.'))
    await recorder.record(event('a', 'It woke.'))
    expect(await counts()).toContainEqual(['It woke.', 1001])
  })

  test('goes on counting on the object that a predecessor made', async () => {
    const { newRecorder, counts } = setUp()
    const first = newRecorder()
    await first.record(event('a', 'It woke.'))
    await first.record(event('a', 'It woke.'))
    await newRecorder().record(event('a', 'It woke.'))
    expect(await counts()).toEqual([['It woke.', 3]])
  })

  test('makes the Event again when it has expired', async () => {
    const { cluster, newRecorder, counts } = setUp()
    const recorder = newRecorder()
    await recorder.record(event('a', 'It woke.'))
    const [made] = await cluster.list(EVENTS)
    await cluster.delete(EVENTS, made!.metadata)
    await recorder.record(event('a', 'It woke.'))
    expect(await counts()).toEqual([['It woke.', 2]])
  })

  test('keeps the latest thousand', async () => {
    const { cluster, newRecorder, counts } = setUp()
    const recorder = newRecorder()
    for (let index = 0; index < 1100; index += 1) await recorder.record(event(`o-${index}`, `event ${index}`))
    await recorder.record(event('o-1099', 'event 1099'))
    const messages = (await counts()).map(([message]) => message)
    expect(messages).toHaveLength(1000)
    expect(messages).not.toContain('event 99')
    expect(messages).toContain('event 100')
    expect(await cluster.list(EVENTS)).toHaveLength(1000)
  })

  test('reports what cannot be written, and goes on with the next', async () => {
    const { errors, newRecorder, counts } = setUp()
    const recorder = newRecorder()
    await recorder.record({ ...event('a', 'It woke.'), regarding: objectNamed('NOT A NAME') })
    await recorder.record(event('a', 'It woke.'))
    expect(errors).toHaveLength(1)
    expect(await counts()).toEqual([['It woke.', 1]])
  })

  test('drops what waits too long a line, without a word', async () => {
    const { errors, cluster, newRecorder } = setUp()
    const recorder = newRecorder()
    await Promise.all(
      Array.from({ length: 1500 }, (_, index) => recorder.record(event(`o-${index}`, `event ${index}`))),
    )
    expect((await cluster.list(EVENTS)).length).toBeLessThanOrEqual(1000)
    expect(errors).toEqual([])
  })

  test('deletes what it forgot while it was being written', async () => {
    const { cluster, newRecorder } = setUp()
    const recorder = newRecorder()
    for (let burst = 0; burst < 3; burst += 1) {
      const events = Array.from({ length: 1001 }, (_, index) => event(`o-${burst}-${index}`, `event ${index}`))
      await Promise.all(events.map((one) => recorder.record(one)))
    }
    await recorder.record(event('last', 'The last one.'))
    expect((await cluster.list(EVENTS)).length).toBeLessThanOrEqual(1000)
  })
})
