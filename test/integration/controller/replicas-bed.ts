/** Several controllers on one memory cluster that elect a leader, each with its own view of the cluster: one can be cut off as a death would. */
import { setTimeout as delay } from 'node:timers/promises'
import type { CreateElection } from '../../../controller/leadership.ts'
import type { Cluster } from '../../../kube/cluster.ts'
import { ClusterError } from '../../../kube/errors.ts'
import { createLeaderElection } from '../../../kube/leader-election.ts'
import { LEASES } from '../../../kube/objects.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { eventually, until } from '../../builders/eventually.ts'
import { ControllerBed, metricOf, type ControllerProcess } from './controller-bed.ts'

const LEASE = { namespace: 'dormouse-system', name: 'controller' }
/** As in a cluster, several times faster. */
const TIMES = { durationMs: 1_000, renewDeadlineMs: 700, renewEveryMs: 200, retryMs: 100 }

export interface Replica extends ControllerProcess {
  name: string
  /** Writes that went through this replica, as `create Pod`. Leases are not counted. */
  writes: string[]
  /** Ends it without a word: its lease is not given back, nothing it has begun is finished in the API. */
  kill(): Promise<void>
}

export class ReplicasBed extends ControllerBed {
  readonly replicas: Replica[] = []

  async replica(options: { verifyFirstRevision?: boolean; resyncMs?: number } = {}): Promise<Replica> {
    const name = `controller-${this.replicas.length}`
    const writes: string[] = []
    let dead = false
    const through = watched(this.cluster, { writes, isDead: () => dead })
    const election: CreateElection = (decided) =>
      createLeaderElection({
        ...{ cluster: through, logger: silentLogger, identity: name },
        ...LEASE,
        ...decided,
        times: TIMES,
      })
    const process = await this.controller({ through, election, ...options })
    const kill = async () => {
      dead = true
      await process.controller.stop()
    }
    const replica = { ...process, name, writes, kill }
    this.replicas.push(replica)
    return replica
  }

  /** Two, the first of which leads. */
  async pair(options: { verifyFirstRevision?: boolean; resyncMs?: number } = {}): Promise<[Replica, Replica]> {
    const leader = await this.replica(options)
    await leads(leader)
    return [leader, await this.replica(options)]
  }

  async holder(): Promise<string | undefined> {
    const lease = await this.cluster.get(LEASES, LEASE)
    return lease?.spec?.holderIdentity
  }
}

export function leads(replica: Replica, withinMs = 5_000): Promise<void> {
  return until(async () => (await metricOf(replica, 'dormouse_controller_leader')) === 1, withinMs)
}

/** Fails when `holds` stops to hold within the time. */
export async function stays(what: string, holds: () => boolean | Promise<boolean>, forMs: number): Promise<void> {
  const untilMs = performance.now() + forMs
  while (performance.now() < untilMs) {
    if (!(await holds())) throw new Error(`did not stay so: ${what}`)
    await delay(20)
  }
}

export const soon = eventually

interface Watching {
  writes: string[]
  isDead: () => boolean
}

function watched(cluster: Cluster, { writes, isDead }: Watching): Cluster {
  const alive = () => {
    if (isDead()) throw new ClusterError('Unavailable', 'this replica is dead')
  }
  const write = (verb: string, kind: { kind: string }) => {
    alive()
    if (kind.kind !== 'Lease') writes.push(`${verb} ${kind.kind}`)
  }
  return {
    create: async (kind, object) => (write('create', kind), cluster.create(kind, object)),
    get: async (kind, ref) => (alive(), cluster.get(kind, ref)),
    list: async (kind, options) => (alive(), cluster.list(kind, options)),
    patch: async (...[kind, ...rest]) => (write('patch', kind), cluster.patch(kind, ...rest)),
    patchStatus: async (...[kind, ...rest]) => (write('status', kind), cluster.patchStatus(kind, ...rest)),
    patchSubresource: async (...[kind, ...rest]) => (write('patch', kind), cluster.patchSubresource(kind, ...rest)),
    apply: async (kind, ...rest) => (write('apply', kind), cluster.apply(kind, ...rest)),
    delete: async (kind, ...rest) => (write('delete', kind), cluster.delete(kind, ...rest)),
    cache: (kind, options) => cluster.cache(kind, options),
    recordEvent: async (event) => (
      writes.push(`event ${event.reason}`),
      isDead() ? undefined : cluster.recordEvent(event)
    ),
  }
}
