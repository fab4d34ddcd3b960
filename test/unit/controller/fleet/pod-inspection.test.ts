import { expect, test } from '@jest/globals'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { PodInspector, type PodInspectorOptions } from '../../../../controller/fleet/pod-inspection.ts'
import { toFleetPod, type PodRecord } from '../../../../controller/fleet/pod-record.ts'
import { PodTable } from '../../../../controller/fleet/pod-table.ts'
import type { HealthOutcome } from '../../../../controller/fleet/runtime-client.ts'
import { SOLE_LEADERSHIP } from '../../../../controller/leadership.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

/** One pod of default/hello that another controller made ready, as its labels tell. */
function world(options: Partial<PodInspectorOptions> = {}) {
  const clock = new FakeClock()
  const table = new PodTable()
  const record = table.add({
    ...{ uid: 'u1', name: 'p1', namespace: 'default', runtime: 'node', template: 't', label: 'claimed' },
    createdAtMs: clock.now(),
  })
  const claim = { revision: 'r1', claimedAtMs: clock.now(), acknowledges: true }
  table.change(record, {
    stage: 'taken',
    claim: { ...claim, function: { namespace: 'default', name: 'hello', uid: 'f1' } },
  })
  Object.assign(record, { isUp: true, contact: { host: '10.0.0.1', controlPort: 1, dataPort: 2 } })
  let outcome: HealthOutcome = { kind: 'silent' }
  const givenUp: { atMs: number; reason: string }[] = []
  const startedMs = clock.now()
  const inspector = new PodInspector({
    ...{ table, clock, leadership: SOLE_LEADERSHIP, signal: new AbortController().signal, healthTimeoutMs: 500 },
    client: { health: () => Promise.resolve(outcome) },
    removal: {
      giveUp: (_record: PodRecord, { reason }: { reason: string }) =>
        givenUp.push({ atMs: clock.now() - startedMs, reason }),
    },
    existing: () => ({ uid: 'f1' }),
    servingTemplate: () => undefined,
    timeoutMsOf: () => 1_000,
    ownUp: () => false,
    ...options,
  } as unknown as PodInspectorOptions)
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 500) {
      await nextTurn()
      clock.advance(500)
    }
    await nextTurn()
  }
  const answers = (next: HealthOutcome) => (outcome = next)
  const shown = () => toFleetPod(record, () => 'key')
  return { inspector, record, givenUp, pass, answers, shown }
}

test("a silent pod of another controller is given up when its function's timeout has passed", async () => {
  const { inspector, record, givenUp, pass } = world()
  void inspector.inspect(record)
  await pass(20_000)
  // Questions are answered at once here; each would have taken as long again.
  expect(givenUp).toEqual([{ atMs: 5_000, reason: 'silent' }])
})

test('one whose function is not known has the longest of all timeouts', async () => {
  const { inspector, record, givenUp, pass } = world({ timeoutMsOf: () => undefined })
  void inspector.inspect(record)
  await pass(20_000)
  expect(givenUp).toEqual([])
})

test('a claimed pod that does not answer is not counted on until it does', async () => {
  const { inspector, record, pass, answers, shown } = world()
  void inspector.inspect(record)
  await pass(1_000)
  // Its code may be loading.
  expect(shown()?.stuck).toBeUndefined()
  await pass(1_000)
  expect(shown()).toMatchObject({ phase: 'starting', stuck: 'it does not answer' })
  answers({ kind: 'answered', health: { state: 'specializing' } as never })
  await pass(1_000)
  expect(shown()).toMatchObject({ phase: 'starting' })
  expect(shown()?.stuck).toBeUndefined()
})
