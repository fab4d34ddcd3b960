import { afterEach, describe, expect, test } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import { Follower } from '../../../dispatcher/follower.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

const clock = new FakeClock()
let follower: Follower
afterEach(() => follower.stop())

function follow(carryOut: () => Promise<void>) {
  follower = new Follower({ what: 'things', clock, logger: silentLogger, carryOut })
}

describe('what is followed', () => {
  test('is carried out once for all changes while it is under way, and never twice at once', async () => {
    let runs = 0
    let running = 0
    let finish: () => void = () => undefined
    follow(async () => {
      runs++
      expect(++running).toBe(1)
      await new Promise<void>((resolve) => (finish = resolve))
      running--
    })
    for (let n = 0; n < 3; n++) follower.changed()
    await turn()
    follower.changed()
    follower.changed()
    expect(runs).toBe(1)
    finish()
    await turn()
    expect(runs).toBe(2)
    finish()
    await turn()
    expect(runs).toBe(2)
  })

  test('is tried again, later and later, until it works', async () => {
    let left = 3
    const at: number[] = []
    follow(async () => {
      at.push(clock.now())
      if (left-- > 0) throw new Error('not now')
    })
    const begunMs = clock.now()
    follower.changed()
    for (let n = 0; n < 100; n++) {
      await turn()
      clock.advance(100)
    }
    expect(at.map((ms) => ms - begunMs)).toEqual([0, 500, 1_500, 3_500])
  })

  test('is carried out at once when something changes while it waits to be tried again', async () => {
    const at: number[] = []
    follow(async () => {
      at.push(clock.now())
      throw new Error('one of them cannot be ended')
    })
    const begunMs = clock.now()
    follower.changed()
    for (let n = 0; n < 40; n++) {
      await turn()
      clock.advance(100)
    }
    follower.changed()
    await turn()
    await turn()
    expect(at.map((ms) => ms - begunMs)).toEqual([0, 500, 1_500, 3_500, 4_000])
  })

  test('ends with stop, in the middle of a wait too', async () => {
    let runs = 0
    follow(async () => {
      runs++
      throw new Error('never')
    })
    follower.changed()
    await turn()
    await follower.stop()
    clock.advance(60_000)
    await turn()
    expect(runs).toBe(1)
  })
})
