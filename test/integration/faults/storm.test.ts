import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest, triggerManifest } from '../../builders/local-platform.ts'
import { startFaultBed, type FaultBed } from './fault-bed.ts'
import { collectGarbage, grown, holdings, RequestCensus, sumOf, type Holdings } from './storm-census.ts'
import { seeded, STORM_CLIENTS, STORM_FUNCTIONS } from './storm-clients.ts'

// Five hundred clients, crashes and cold starts: ten seconds alone, minutes on a machine with ten others at work.
jest.setTimeout(240_000)

const SEED = 20_261_128
const CLIENTS = 16 * Object.keys(STORM_CLIENTS).length
const AT_ONCE = 24
/** What comes and goes by itself: connections of the platform's own parts, and of this test. Every client comes oftener. */
const SLACK = 4
const scaling = { idleAfter: '1s', max: 2 }

describe('a storm of clients that do all that clients do', () => {
  let bed: FaultBed
  let census: RequestCensus
  let before: { held: Holdings; counted: number; heapBytes: number }
  const wrong: string[] = []
  beforeAll(async () => {
    const { web, work, api, fragile, hangs } = STORM_FUNCTIONS
    const code = (text: string) => ({ 'index.js': text })
    bed = await startFaultBed({
      verifyFirstRevision: false,
      manifests: [
        functionManifest('web', code(web), { signature: 'http', scaling }),
        functionManifest('work', code(work), { concurrency: 10, scaling }),
        functionManifest('api', code(api), { concurrency: 10, scaling }),
        triggerManifest('api', 'api', { path: '/api' }),
        functionManifest('fragile', code(fragile), { concurrency: 10, scaling }),
        functionManifest('hangs', code(hangs), { concurrency: 10, scaling, timeout: '1s' }),
      ],
    })
    census = new RequestCensus([bed.internalPort, bed.publicPort])
    await Promise.all([bed.call('web', { path: '/ok' }), bed.visit('/api/x')])
    // Each once, so that nothing is made for the first time afterwards.
    await storm(Object.keys(STORM_CLIENTS))
    await asleep()
    await collectGarbage()
    before = { held: holdings(), counted: await counted(), heapBytes: process.memoryUsage().heapUsed }
    census.seen = 0
    wrong.length = 0
    await storm(shuffled(CLIENTS))
  })
  afterAll(async () => {
    census.stop()
    await bed.stop()
  })

  /** The clients with these names, `AT_ONCE` at a time. */
  async function storm(names: readonly string[]): Promise<void> {
    const random = seeded(SEED)
    const left = [...names]
    const work = async () => {
      for (let name = left.pop(); name !== undefined; name = left.pop()) {
        const said = await STORM_CLIENTS[name]!({ port: bed.internalPort, publicPort: bed.publicPort, random }).catch(
          String,
        )
        if (said !== '') wrong.push(`${name}: ${said}`)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
  }

  /** Everybody comes equally often, in an order of the seed's. */
  function shuffled(count: number): string[] {
    const names = Object.keys(STORM_CLIENTS)
    const random = seeded(SEED)
    return Array.from({ length: count }, (_, index) => ({ name: names[index % names.length]!, at: random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ name }) => name)
  }

  const metrics = () => bed.local.gateway.metrics.registry.metrics()
  async function counted(): Promise<number> {
    const text = await metrics()
    const counters = ['requests_total', 'rejected_total', 'events_total']
    return counters.reduce((sum, name) => sum + sumOf(text, `dormouse_gateway_${name}`), 0)
  }

  const asleep = () =>
    eventually(
      'every function sleeps',
      async () => {
        const pods = await Promise.all(Object.keys(STORM_FUNCTIONS).map((name) => bed.pods(name)))
        return pods.flat().length === 0
      },
      { withinMs: 30_000, everyMs: 100 },
    )

  test('answers each as it should', () => {
    expect(wrong).toEqual([])
  })

  test('counts every request once', async () => {
    expect(census.seen).toBeGreaterThan(CLIENTS * 0.9)
    await eventually(
      () => `all ${census.seen} are counted`,
      async () => (await counted()) - before.counted >= census.seen,
    )
    expect((await counted()) - before.counted).toBe(census.seen)
  })

  test('leaves no call, no slot taken and nobody in a queue', async () => {
    for (const gauge of ['in_flight', 'queued', 'upgrades_open'])
      await eventually(gauge, async () => sumOf(await metrics(), `dormouse_gateway_${gauge}`) === 0, {
        withinMs: 15_000,
      })
  })

  test('lets every function go to sleep', () => asleep())

  test('leaves no connection, descriptor, process or timer', async () => {
    let more: string[] = []
    await eventually(
      () => `no more than before: ${more.join(', ')}`,
      () => (more = grown(before.held, SLACK)).length === 0,
      { withinMs: 20_000, everyMs: 200 },
    )
  })

  test('leaves no request in memory', async () => {
    await collectGarbage()
    expect(census.held()).toBeLessThanOrEqual(SLACK)
    expect(process.memoryUsage().heapUsed - before.heapBytes).toBeLessThan(24 * 1024 * 1024)
  })
})
