import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Cluster } from '../../../kube/cluster.ts'
import { ClusterError } from '../../../kube/errors.ts'
import { createLeaderElection, type LeaderElection } from '../../../kube/leader-election.ts'
import { createMemoryCluster, type MemoryCluster } from '../../../kube/memory/memory-cluster.ts'
import { LEASES } from '../../../kube/objects.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

const REF = { namespace: 'system', name: 'dormouse-controller' }

const PAUSES = 'pauses: the lease could not be renewed for 4000 ms'

describe('a leader election', () => {
  let clock: FakeClock
  let cluster: MemoryCluster
  let running: Contender[]
  beforeEach(() => {
    clock = new FakeClock()
    cluster = createMemoryCluster({ now: clock.now })
    running = []
  })
  afterEach(async () => {
    const stopped = running.map(({ election }) => election.stop())
    clock.advance(1_000)
    await Promise.all(stopped)
  })

  /** Its way to the API can be cut, held up, and its time of day be wrong. */
  class Contender {
    readonly story: string[] = []
    readonly election: LeaderElection
    fails: ClusterError | undefined
    hangs = false
    /** Between what the API has done and its answer. */
    answersAfterMs = 0

    constructor(identity: string, { skewMs = 0, onLead = (): void => undefined } = {}) {
      this.election = createLeaderElection({
        ...{ cluster: this.#way(), ...REF, identity, logger: silentLogger, clock },
        now: () => clock.now() + skewMs,
        onLead: () => {
          this.story.push('leads')
          onLead()
        },
        onPause: (reason) => void this.story.push(`pauses: ${reason}`),
        onLost: (reason) => void this.story.push(`lost: ${reason}`),
      })
      running.push(this)
      this.election.start()
    }

    #way(): Pick<Cluster, 'create' | 'get' | 'patch'> {
      const pass = <T>(call: () => Promise<T>): Promise<T> => {
        if (this.hangs) return new Promise<T>(() => undefined)
        return this.fails ? Promise.reject(this.fails) : call().finally(() => this.#late())
      }
      return {
        create: (...args) => pass(() => cluster.create(...args)),
        get: (...args) => pass(() => cluster.get(...args)),
        patch: (...args) => pass(() => cluster.patch(...args)),
      }
    }

    #late(): Promise<void> | undefined {
      if (this.answersAfterMs === 0) return undefined
      return new Promise((resolve) => clock.after(this.answersAfterMs, resolve))
    }
  }

  async function advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(Math.min(100, left))
      await new Promise(setImmediate)
    }
  }

  const lease = async () => (await cluster.get(LEASES, REF))?.spec

  test('makes the Lease, and of two contenders one leads', async () => {
    const contenders = [new Contender('a'), new Contender('b')]
    await advance(30_000)
    expect(contenders.map(({ story }) => story).sort()).toEqual([[], ['leads']])
    expect(contenders.map(({ election }) => election.isLeader).sort()).toEqual([false, true])
    const leader = contenders[0]?.election.isLeader === true ? 'a' : 'b'
    expect(contenders.map(({ election }) => election.leader)).toEqual([leader, leader])
    expect(await lease()).toMatchObject({ holderIdentity: leader, leaseDurationSeconds: 6, leaseTransitions: 0 })
  })

  test('writes times with microseconds', async () => {
    new Contender('a')
    await advance(100)
    const { acquireTime, renewTime } = (await lease()) ?? {}
    for (const time of [acquireTime, renewTime]) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
  })

  test('a leader that renews is left alone, and writes once in two seconds', async () => {
    const leader = new Contender('a')
    await advance(100)
    const first = Number((await cluster.get(LEASES, REF))?.metadata.resourceVersion)
    const other = new Contender('b')
    await advance(60_000)
    expect([leader.story, other.story]).toEqual([['leads'], []])
    const writes = Number((await cluster.get(LEASES, REF))?.metadata.resourceVersion) - first
    expect(writes).toBeGreaterThan(20)
    expect(writes).toBeLessThanOrEqual(30)
  })

  test('when the holder is killed another leads within ten seconds, and not before the Lease has run out', async () => {
    const killed = new Contender('a')
    await advance(5_000)
    const heir = new Contender('b')
    await advance(1_000)
    killed.hangs = true
    const renewedMs = Date.parse((await lease())?.renewTime ?? '')
    await advance(renewedMs + 6_000 - clock.now() - 100)
    expect(heir.story).toEqual([])
    await advance(4_000)
    expect(heir.story).toEqual(['leads'])
    expect(await lease()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 })
  })

  test.each([
    ['an hour ahead', 3_600_000],
    ['an hour behind', -3_600_000],
  ])('a holder whose clock is %s keeps the lead while it renews, and loses it when it does not', async (_, skewMs) => {
    const holder = new Contender('a', { skewMs })
    await advance(100)
    const other = new Contender('b')
    await advance(30_000)
    expect(other.story).toEqual([])
    holder.hangs = true
    await advance(10_000)
    expect(other.story).toEqual(['leads'])
  })

  test('who cannot renew leads no longer, before anybody else begins', async () => {
    const cut = new Contender('a')
    await advance(100)
    const other = new Contender('b')
    await advance(3_000)
    cut.fails = new ClusterError('Unavailable', 'the API is away')
    for (let ms = 0; ms < 12_000; ms += 100) {
      await advance(100)
      expect([cut, other].filter(({ election }) => election.isLeader).length).toBeLessThan(2)
    }
    expect(cut.story).toEqual(['leads', PAUSES])
    expect(other.story).toEqual(['leads'])
    cut.fails = undefined
    await advance(30_000)
    expect(cut.story).toEqual(['leads', PAUSES, 'lost: b has taken the lease'])
  })

  test('a Lease that somebody deletes is made again by whoever held it: nobody else begins meanwhile, and nobody ends', async () => {
    const leader = new Contender('a')
    await advance(100)
    const other = new Contender('b')
    for (let times = 0; times < 20; times++) {
      await advance(2_300)
      await cluster.delete(LEASES, REF)
      await advance(1_000)
    }
    await advance(3_000)
    expect([leader.story, other.story]).toEqual([['leads'], []])
    expect(await lease()).toMatchObject({ holderIdentity: 'a' })
    await cluster.delete(LEASES, REF)
    leader.hangs = true
    await advance(10_000)
    expect(other.story).toEqual(['leads'])
  })

  test('who could not renew leads again with the next renewal when nobody else has led, as often as that happens', async () => {
    const alone = new Contender('a')
    await advance(100)
    for (let times = 1; times <= 3; times++) {
      alone.fails = new ClusterError('Unavailable', 'the API is away')
      await advance(30_000)
      expect(alone.election.isLeader).toBe(false)
      alone.fails = undefined
      await advance(2_000)
      expect(alone.election.isLeader).toBe(true)
      await advance(10_000)
      expect(alone.story).toHaveLength(1 + 2 * times)
    }
    expect(alone.story.slice(0, 3)).toEqual(['leads', PAUSES, 'leads'])
    expect(await lease()).toMatchObject({ holderIdentity: 'a', leaseTransitions: 0 })
  })

  test('who could not renew does not lead again when another has led and given the lead back meanwhile', async () => {
    const cut = new Contender('a')
    await advance(100)
    const other = new Contender('b')
    cut.fails = new ClusterError('Unavailable', 'the API is away')
    await advance(12_000)
    expect(other.story).toEqual(['leads'])
    await other.election.stop()
    cut.fails = undefined
    await advance(10_000)
    expect(cut.story).toEqual(['leads', PAUSES, 'lost: another has led meanwhile'])
  })

  test('a renewal that was answered too late makes nobody lead', async () => {
    const slow = new Contender('a')
    await advance(100)
    slow.hangs = true
    await advance(5_000)
    expect(slow.story).toEqual(['leads', PAUSES])
    expect(slow.election.isLeader).toBe(false)
  })

  test('who is answered later than its deadline does not lead, and takes the lead when answers come in time', async () => {
    const slow = new Contender('a')
    slow.answersAfterMs = 5_000
    await advance(60_000)
    expect(slow.story).toEqual([])
    slow.answersAfterMs = 0
    await advance(11_000)
    expect(slow.story).toEqual(['leads'])
  })

  test('a leader keeps the lead although each answer takes longer than a retry', async () => {
    const slow = new Contender('a')
    await advance(100)
    slow.answersAfterMs = 1_500
    await advance(60_000)
    expect(slow.story).toEqual(['leads'])
  })

  test('a leader that pauses leads on although each answer takes longer than a retry', async () => {
    const slow = new Contender('a')
    await advance(100)
    slow.fails = new ClusterError('Unavailable', 'the API is away')
    await advance(10_000)
    slow.fails = undefined
    slow.answersAfterMs = 1_500
    await advance(10_000)
    expect(slow.story.slice(0, 3)).toEqual(['leads', PAUSES, 'leads'])
    slow.answersAfterMs = 0
    await advance(5_000)
    expect(slow.election.isLeader).toBe(true)
  })

  test('an API that is away for less than the deadline costs nobody the lead', async () => {
    const leader = new Contender('a')
    await advance(4_100)
    leader.fails = new ClusterError('Unavailable', 'the API is away')
    await advance(2_500)
    leader.fails = undefined
    await advance(20_000)
    expect(leader.story).toEqual(['leads'])
  })

  test('an attempt that nobody answers does not keep the next from being made', async () => {
    const leader = new Contender('a')
    await advance(100)
    leader.hangs = true
    await advance(2_500)
    leader.hangs = false
    await advance(20_000)
    expect(leader.story).toEqual(['leads'])
    expect(leader.election.isLeader).toBe(true)
  })

  test('when the API comes back after it was away for all, one leads again', async () => {
    const away = new ClusterError('Unavailable', 'the API is away')
    const first = new Contender('a')
    await advance(100)
    const second = new Contender('b')
    await advance(1_000)
    first.fails = second.fails = away
    await advance(30_000)
    expect(first.story).toHaveLength(2)
    expect(second.story).toEqual([])
    second.fails = undefined
    await advance(2_000)
    expect(second.story).toEqual(['leads'])
  })

  test('a process that was frozen does not take itself for the leader, before any timer tells it', async () => {
    const frozen = new Contender('a')
    await advance(100)
    expect(frozen.election.isLeader).toBe(true)
    clock.jump(10_000)
    expect(frozen.election.isLeader).toBe(false)
  })

  test('a foreign write that leaves the holder costs it nothing', async () => {
    const leader = new Contender('a')
    await advance(100)
    await cluster.patch(LEASES, REF, { metadata: { annotations: { touched: 'yes' } } })
    await advance(20_000)
    expect(leader.story).toEqual(['leads'])
    expect(leader.election.isLeader).toBe(true)
  })

  test('a Lease that was deleted is made anew by who leads', async () => {
    const leader = new Contender('a')
    await advance(100)
    await cluster.delete(LEASES, REF)
    await advance(5_000)
    expect(leader.story).toEqual(['leads'])
    expect(await lease()).toMatchObject({ holderIdentity: 'a' })
  })

  test('who finds another in its Lease leads no longer', async () => {
    const leader = new Contender('a')
    await advance(100)
    await cluster.patch(LEASES, REF, { spec: { holderIdentity: 'thief', renewTime: '2026-01-01T00:00:09.000000Z' } })
    await advance(3_000)
    expect(leader.story).toEqual(['leads', 'lost: thief has taken the lease'])
  })

  test('stopping gives the lead back: another has it within a second, and onLost stays silent', async () => {
    const leader = new Contender('a')
    await advance(100)
    const other = new Contender('b')
    await advance(3_000)
    await leader.election.stop()
    expect(leader.election.isLeader).toBe(false)
    await advance(1_000)
    expect([leader.story, other.story]).toEqual([['leads'], ['leads']])
  })

  test('who never led gives nothing back', async () => {
    const leader = new Contender('a')
    await advance(100)
    const other = new Contender('b')
    await advance(3_000)
    await other.election.stop()
    expect(await lease()).toMatchObject({ holderIdentity: 'a' })
    expect(leader.election.isLeader).toBe(true)
  })

  test('stopping ends although the API does not answer', async () => {
    const leader = new Contender('a')
    await advance(2_000)
    leader.hangs = true
    await advance(200)
    const stopped = leader.election.stop().then(() => 'stopped')
    await advance(1_000)
    expect(await Promise.race([stopped, new Promise((resolve) => setImmediate(resolve, 'hangs'))])).toBe('stopped')
  })

  test('comes back under its own name at once', async () => {
    const first = new Contender('pod-1')
    await advance(100)
    first.hangs = true
    const again = new Contender('pod-1')
    await advance(200)
    expect(again.story).toEqual(['leads'])
    expect(await lease()).toMatchObject({ leaseTransitions: 0 })
  })

  test('a leader whose work cannot be begun does not keep the lead', async () => {
    const broken = new Contender('a', {
      onLead: () => {
        throw new Error('broken')
      },
    })
    await advance(200)
    expect(broken.story).toEqual(['leads', 'lost: what a leader does could not be begun'])
    expect(broken.election.isLeader).toBe(false)
  })
})
