import { setImmediate as turn } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { createLogger, type LogRecord } from '../../../lib/logger.ts'
import { Replicas } from '../../../routing/replicas.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

let clock: FakeClock
let answer: () => Promise<string[]>
let looks: number
let gone: string[]
let come: number
let said: LogRecord[]
beforeEach(() => {
  clock = new FakeClock()
  looks = 0
  gone = []
  come = 0
  said = []
})

function replicas(urls = ['http://controllers:8082/']): Replicas {
  return new Replicas({
    urls,
    clock,
    logger: createLogger({ sink: (record) => said.push(record) }),
    lookup: () => {
      looks += 1
      return answer()
    },
    onGone: (urls) => gone.push(...urls),
    onCome: () => void come++,
  })
}

async function started(...addresses: string[]): Promise<Replicas> {
  answer = () => Promise.resolve(addresses)
  const made = replicas()
  made.start()
  await turn()
  return made
}

async function after(ms: number): Promise<void> {
  clock.advance(ms)
  await turn()
}

const warnings = () => said.filter(({ level }) => level === 'warn').map(({ message }) => message)

describe('replicas found by name', () => {
  test('are known after the first look, and looked up again every two seconds', async () => {
    const found = await started('10.0.0.1', '10.0.0.2')
    expect(found.urls).toEqual(['http://10.0.0.1:8082', 'http://10.0.0.2:8082'])
    await after(1_999)
    expect(looks).toBe(1)
    await after(1)
    expect(looks).toBe(2)
  })

  test('come and go without a restart, and those that went are told', async () => {
    const found = await started('10.0.0.1', '10.0.0.2')
    answer = () => Promise.resolve(['10.0.0.2', '10.0.0.3'])
    await after(2_000)
    expect(found.urls).toEqual(['http://10.0.0.2:8082', 'http://10.0.0.3:8082'])
    expect(gone).toEqual(['http://10.0.0.1:8082'])
    expect(come).toBe(2)
    answer = () => Promise.resolve(['10.0.0.3'])
    await after(2_000)
    expect(come).toBe(2)
  })

  test('are kept while the resolver is away, which is said once', async () => {
    const found = await started('10.0.0.1')
    answer = () => Promise.reject(new Error('ESERVFAIL'))
    for (let i = 0; i < 10; i += 1) await after(2_000)
    expect(found.urls).toEqual(['http://10.0.0.1:8082'])
    expect(warnings()).toEqual(['the addresses of controllers cannot be resolved: the known controllers are kept'])
  })

  test('are kept when the answer is empty: one that does not answer any more shows that by itself', async () => {
    const found = await started('10.0.0.1')
    answer = () => Promise.resolve([])
    await after(2_000)
    expect(found.urls).toEqual(['http://10.0.0.1:8082'])
  })

  test('are looked for sooner while none is known', async () => {
    answer = () => Promise.reject(new Error('ENOTFOUND'))
    const found = replicas()
    found.start()
    await turn()
    answer = () => Promise.resolve(['10.0.0.1'])
    await after(250)
    expect(found.urls).toEqual(['http://10.0.0.1:8082'])
  })

  test('are looked up when a call fails, a few times a second at most', async () => {
    const found = await started('10.0.0.1')
    await after(1_000)
    for (let i = 0; i < 10; i += 1) {
      found.failed()
      await turn()
    }
    expect(looks).toBe(2)
    await after(250)
    expect(looks).toBe(3)
  })

  test('are not looked up by a second question while the first has no answer', async () => {
    const found = await started('10.0.0.1')
    answer = () => new Promise(() => undefined)
    await after(2_000)
    found.failed()
    await after(60_000)
    expect(looks).toBe(2)
    expect(found.urls).toEqual(['http://10.0.0.1:8082'])
  })

  test('are not looked for after stop', async () => {
    const found = await started('10.0.0.1')
    found.stop()
    found.failed()
    await after(10_000)
    expect(looks).toBe(1)
    expect(clock.pending).toBe(0)
  })
})

test('addresses are replicas as they are: nothing is looked up', async () => {
  const found = replicas(['http://10.0.0.1:8082/', 'http://[fd00::1]:8082'])
  found.start()
  found.failed()
  await after(10_000)
  expect(found.urls).toEqual(['http://10.0.0.1:8082', 'http://[fd00::1]:8082'])
  expect(looks).toBe(0)
})
