import { describe, expect, test } from '@jest/globals'
import { LeaderSeat } from '../../../controller/leadership.ts'
import { createLeaderElection } from '../../../kube/leader-election.ts'
import { createMemoryCluster } from '../../../kube/memory/memory-cluster.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

describe('the seat of a leader', () => {
  test('is empty after its process stood still for longer than the deadline, before any timer tells it', async () => {
    const clock = new FakeClock()
    const seat = new LeaderSeat()
    const election = createLeaderElection({
      ...{ cluster: createMemoryCluster({ now: clock.now }), clock, logger: silentLogger },
      ...{ namespace: 'system', name: 'dormouse-controller', identity: 'a' },
      onLead: () => seat.take(),
      onPause: () => seat.leave(),
      onLost: () => seat.leave(),
    })
    seat.follow(election)
    election.start()
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
    expect(seat.leads).toBe(true)
    clock.jump(5_000)
    expect(seat.leads).toBe(false)
    const stopped = election.stop()
    clock.advance(1_000)
    await stopped
  })
})
