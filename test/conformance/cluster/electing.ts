import { afterEach, describe, expect, test } from '@jest/globals'
import { createLeaderElection, type LeaderElection } from '../../../kube/leader-election.ts'
import { LEASES } from '../../../kube/objects.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { useCluster, type ClusterHarness } from './harness.ts'

/** Short, for a Lease whose seconds are whole; the rules themselves are tested against a clock that stands still. */
const TIMES = { durationMs: 2_000, renewDeadlineMs: 1_500, renewEveryMs: 300, retryMs: 200 }

export function describeElection(harness: ClusterHarness): void {
  describe('an election by a Lease', () => {
    const bench = useCluster(harness)
    const elections: LeaderElection[] = []
    afterEach(async () => {
      await Promise.all(elections.splice(0).map((election) => election.stop()))
    })

    function contend(identity: string, isCut = () => false) {
      const { cluster, namespace } = bench
      const story: string[] = []
      const pass = <T>(call: () => Promise<T>) => (isCut() ? Promise.reject<T>(new Error('cut')) : call())
      const election = createLeaderElection({
        ...{ namespace, name: 'lead', identity, logger: silentLogger, times: TIMES },
        cluster: {
          create: (...args) => pass(() => cluster.create(...args)),
          get: (...args) => pass(() => cluster.get(...args)),
          patch: (...args) => pass(() => cluster.patch(...args)),
        },
        onLead: () => void story.push('leads'),
        onPause: () => void story.push('pauses'),
        onLost: () => void story.push('lost'),
      })
      elections.push(election)
      election.start()
      return { election, story }
    }

    test('of several who begin at once one leads, and the others know who', async () => {
      const all = ['a', 'b', 'c'].map((identity) => contend(identity))
      await bench.eventually(() => {
        expect(all.filter(({ election }) => election.isLeader)).toHaveLength(1)
        expect(new Set(all.map(({ election }) => election.leader)).size).toBe(1)
      })
      expect(all.flatMap(({ story }) => story)).toEqual(['leads'])
    })

    test('passes on when the leader gives it back', async () => {
      const first = contend('a')
      await bench.eventually(() => expect(first.story).toEqual(['leads']))
      const second = contend('b')
      await first.election.stop()
      await bench.eventually(() => expect(second.story).toEqual(['leads']))
      const lease = await bench.cluster.get(LEASES, { namespace: bench.namespace, name: 'lead' })
      expect(lease?.spec).toMatchObject({ holderIdentity: 'b', leaseDurationSeconds: 2 })
      expect(first.story).toEqual(['leads'])
    })

    test('passes on when the leader is cut off, which knows it first', async () => {
      let isCut = false
      const first = contend('a', () => isCut)
      await bench.eventually(() => expect(first.story).toEqual(['leads']))
      const second = contend('b')
      isCut = true
      await bench.eventually(() => expect(first.election.isLeader).toBe(false))
      expect(second.story).toEqual([])
      await bench.eventually(() => expect(second.story).toEqual(['leads']))
      // It cannot know that another leads.
      expect(first.story).toEqual(['leads', 'pauses'])
      isCut = false
      await bench.eventually(() => expect(first.story).toEqual(['leads', 'pauses', 'lost']))
    })
  })
}
