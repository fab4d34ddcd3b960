import { expect, test } from '@jest/globals'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { BootBackoff } from '../../../../controller/fleet/boot-backoff.ts'
import { PodSupply } from '../../../../controller/fleet/pod-supply.ts'
import { PodTable } from '../../../../controller/fleet/pod-table.ts'
import type { Runtime } from '../../../../api/runtime.ts'
import type { Cache } from '../../../../kube/cluster.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const RUNTIME = { metadata: { name: 'node' } } as Runtime
const CLAIM = { function: { namespace: 'default', name: 'hello', uid: 'f1' }, revision: 'r1', timeoutMs: 1_000 }

function world() {
  const clock = new FakeClock()
  const table = new PodTable()
  const made: string[] = []
  const supply = new PodSupply({
    ...{ table, clock, backoff: new BootBackoff(), podTimeoutMs: 60_000, leadership: { leads: false } },
    runtimes: { get: () => RUNTIME } as unknown as Cache<Runtime>,
    templateOf: () => 't',
    newName: () => `pod-${made.length}`,
    create: ({ namespace, name }) => {
      made.push(name)
      const known = { uid: name, name, namespace, runtime: 'node', template: 't', label: 'generic' as const }
      table.add({ ...known, createdAtMs: clock.now() }).madeHere = true
      return Promise.resolve()
    },
    createFailed: () => undefined,
  })
  /** The last pod made, while it boots. */
  const somebodyDeletes = () => {
    const record = table.get(made.at(-1) ?? '')!
    table.change(record, { stage: 'leaving' })
    supply.bootFailed(record, { reason: 'deleted', message: 'it was deleted' })
  }
  return { clock, supply, made, somebodyDeletes }
}

test('a pod that is deleted while it boots is replaced at once', async () => {
  const { supply, made, somebodyDeletes } = world()
  void supply.take({ runtime: 'node' }, CLAIM)
  await nextTurn()
  somebodyDeletes()
  expect(made).toHaveLength(2)
})

test('who deletes every pod that boots is not kept busy: the start fails and says so', async () => {
  const { clock, supply, made, somebodyDeletes } = world()
  const failure = supply.take({ runtime: 'node' }, CLAIM).catch((error: unknown) => error)
  for (let deletions = 0; deletions < 20; deletions += 1) {
    await nextTurn()
    somebodyDeletes()
    clock.advance(100)
  }
  expect(made.length).toBeLessThan(8)
  clock.advance(10_000)
  expect(await failure).toMatchObject({ code: 'start-failed', message: expect.stringContaining('it was deleted') })
})
