/** Several controllers on one memory cluster that elect a leader, each with its own view of the cluster: one can be cut off as a death would. */
import { setTimeout as delay } from 'node:timers/promises'
import type { CreateElection } from '../../../controller/leadership.ts'
import { CONTROLLER_LEASE_LABELS } from '../../../controller/rivals/rival-watch.ts'
import type { Cluster } from '../../../kube/cluster.ts'
import { ClusterError } from '../../../kube/errors.ts'
import { createLeaderElection } from '../../../kube/leader-election.ts'
import { LEASES } from '../../../kube/objects.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { eventually, until } from '../../builders/eventually.ts'
import { ControllerBed, metricOf, type ControllerProcess } from './controller-bed.ts'

const LEASE = { namespace: 'dormouse-system', name: 'controller' }
/** As in a cluster; renewed more often. */
const TIMES = { durationMs: 15_000, renewDeadlineMs: 10_000, renewEveryMs: 200, retryMs: 100 }
/** For tests in which a lease is to run out: no sooner than what a busy machine may take to look at what is so before. */
export const SHORT_LEASE = { ...TIMES, durationMs: 3_000, renewDeadlineMs: 2_000 }

export interface Replica extends ControllerProcess {
  name: string
  /** Writes that went through this replica, as `create Pod`. Leases are not counted. */
  writes: string[]
  /** Its Lease can be neither read nor written, until it is told otherwise; all else can. */
  loseLease(isLost: boolean): void
  /** Ends it without a word: its lease is not given back, nothing it has begun is finished in the API. */
  kill(): Promise<void>
}

export interface ReplicaOptions {
  verifyFirstRevision?: boolean
  resyncMs?: number
  /** Part of what pods are made from. */
  initTimeoutMs?: number
  /** Of an installation of its own. */
  namespace?: string
}

export class ReplicasBed extends ControllerBed {
  readonly replicas: Replica[] = []
  times = TIMES

  async replica(options: ReplicaOptions = {}): Promise<Replica> {
    const name = `controller-${this.replicas.length}`
    const writes: string[] = []
    let [dead, isLeaseLost] = [false, false]
    const through = watched(this.cluster, { writes, isDead: (kind) => dead || (isLeaseLost && kind === 'Lease') })
    const election: CreateElection = (decided) =>
      createLeaderElection({
        ...{ cluster: through, logger: silentLogger, identity: name },
        ...{ ...LEASE, ...(options.namespace !== undefined && { namespace: options.namespace }) },
        labels: CONTROLLER_LEASE_LABELS,
        ...decided,
        times: this.times,
      })
    const process = await this.controller({ through, election, lease: LEASE.name, ...options })
    const kill = async () => {
      dead = true
      await process.controller.stop()
    }
    const loseLease = (isLost: boolean) => void (isLeaseLost = isLost)
    const replica = { ...process, name, writes, kill, loseLease }
    this.replicas.push(replica)
    return replica
  }

  /** Two, the first of which leads. */
  async pair(options: ReplicaOptions = {}): Promise<[Replica, Replica]> {
    const leader = await this.replica(options)
    await leads(leader)
    return [leader, await this.replica(options)]
  }

  async holder(): Promise<string | undefined> {
    const lease = await this.cluster.get(LEASES, LEASE)
    return lease?.spec?.holderIdentity
  }
}

export function leads(replica: Replica, withinMs = 20_000): Promise<void> {
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
  isDead: (kind?: string) => boolean
}

function watched(cluster: Cluster, { writes, isDead }: Watching): Cluster {
  const alive = (kind?: { kind: string }) => {
    if (isDead(kind?.kind)) throw new ClusterError('Unavailable', 'this replica is dead')
  }
  const write = (verb: string, kind: { kind: string }) => {
    alive(kind)
    if (kind.kind !== 'Lease') writes.push(`${verb} ${kind.kind}`)
  }
  return {
    create: async (kind, object) => (write('create', kind), cluster.create(kind, object)),
    get: async (kind, ref) => (alive(kind), cluster.get(kind, ref)),
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
