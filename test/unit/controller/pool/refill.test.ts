/** When a pool is filled again after one of its pods has become a function's. */
import { describe, expect, test } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import { functionSpecSchema } from '../../../../api/function.ts'
import { createPool, type PoolFleet, type PoolOptions } from '../../../../controller/pool/pool.ts'
import { SOLE_LEADERSHIP } from '../../../../controller/leadership.ts'
import { silentLogger } from '../../../../lib/logger.ts'
import { createMetrics } from '../../../../lib/metrics.ts'
import { newFunction } from '../../../builders/kube-objects.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

type Starts = ReturnType<PoolFleet['starts']>

const NONE: Starts = { waitingForPod: 0, specializing: 0, lastEndedMs: -Infinity, lastElsewhereMs: -Infinity }
const SPEC = functionSpecSchema.parse({ runtime: 'node', code: { inline: { 'index.mjs': 'a' } } })
const FUNCTION = newFunction({ namespace: 'shop', name: 'web' }, SPEC)

/** An empty pool of one Function. */
async function emptyPool(startsAt: (nowMs: number) => Starts) {
  const clock = new FakeClock()
  const starts = startsAt(clock.now())
  let made = 0
  const fleet = {
    generic: () => [],
    creatingIn: () => made,
    waitingIn: () => 0,
    starts: () => starts,
    bootState: () => ({ failures: 0, lastAtMs: 0, notBeforeMs: 0, lastMessage: '' }),
    forgetBoots: () => undefined,
    templateOf: () => 't',
    createGeneric: () => void made++,
    discardGeneric: () => undefined,
    onGenericChange: () => () => undefined,
    onChange: () => () => undefined,
  }
  const caches = {
    functions: { list: () => [FUNCTION], subscribe: () => () => undefined },
    runtimes: { get: () => ({ spec: { pool: { size: 1 } } }), subscribe: () => () => undefined },
  }
  const base = { clock, logger: silentLogger, metrics: createMetrics(), leadership: SOLE_LEADERSHIP }
  const pool = createPool({ ...base, ...caches, fleet } as unknown as PoolOptions)
  pool.start()
  await turn()
  const madeAfter = async (ms: number) => {
    clock.advance(ms)
    await turn()
    return made
  }
  return { pool, madeAfter }
}

describe('a pool with a pod too few', () => {
  test('is filled at once when nothing was started', async () => {
    const { pool, madeAfter } = await emptyPool(() => NONE)
    expect(await madeAfter(0)).toBe(1)
    pool.stop()
  })

  test('is filled a moment after a start of this controller has ended', async () => {
    const { pool, madeAfter } = await emptyPool((nowMs) => ({ ...NONE, lastEndedMs: nowMs }))
    expect(await madeAfter(29)).toBe(0)
    expect(await madeAfter(1)).toBe(1)
    pool.stop()
  })

  test('is filled when the first request of what another controller has woken is likely to be answered', async () => {
    const { pool, madeAfter } = await emptyPool((nowMs) => ({ ...NONE, lastElsewhereMs: nowMs }))
    expect(await madeAfter(149)).toBe(0)
    expect(await madeAfter(1)).toBe(1)
    pool.stop()
  })
})
