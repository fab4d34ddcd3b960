/**
 * Pods made for one function alone: creates one for every start, owned and labelled the function's from birth, and hands it over the moment
 * it is up. Leaves to pod-start.ts what is done with it then. A pod that is stuck is kept: it is the next start's, or late; unless its Runtime
 * has changed since, as by other places for its pods, and would have made another.
 */
import { objectKey, type ObjectKey } from '../../api/names.ts'
import { placementConflict } from '../../api/placement.ts'
import type { Runtime } from '../../api/runtime.ts'
import type { Cache } from '../../kube/cluster.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Leadership } from '../leadership.ts'
import { PodStartError, type RevisionTemplate } from './fleet.ts'
import type { PodRecord } from './pod-record.ts'
import type { PodRemoval } from './pod-removal.ts'
import type { PodTable } from './pod-table.ts'
import { notCreated } from './pod-trouble.ts'
import type { SuppliedPod, WantedClaim } from './waiting-starts.ts'

export interface OwnPodsOptions {
  table: PodTable
  runtimes: Cache<Runtime>
  removal: Pick<PodRemoval, 'discard'>
  leadership: Pick<Leadership, 'leads' | 'onLead'>
  clock: Clock
  /** How long a start waits for its pod. One that comes later, because its image had to be pulled, is made ready all the same. */
  podTimeoutMs: number
  templateOf: (runtime: Runtime) => string
  newName(functionName: string): string
  /** Creates the pod and puts it into the table. */
  create(pod: NewOwnPod): Promise<void>
  createFailed(key: ObjectKey, error: unknown): void
  /** It is up, and whoever waited for it has given up: make it the function's all the same. */
  late(record: PodRecord, template: RevisionTemplate): void
}

export interface NewOwnPod {
  name: string
  template: RevisionTemplate
  runtime: Runtime | undefined
}

/** One pod asked of the API by this process, until it is up or gone. */
interface Coming {
  readonly template: RevisionTemplate
  readonly claim: WantedClaim
  record?: PodRecord
  /** Nobody waits any more when absent. */
  waiter?: PromiseWithResolvers<SuppliedPod>
}

export class OwnPods {
  readonly #options: OwnPodsOptions
  /** By namespace and name of the pod. */
  readonly #coming = new Map<ObjectKey, Coming>()
  readonly #unsubscribes: (() => void)[]
  #stopped = false

  constructor(options: OwnPodsOptions) {
    this.#options = options
    const drop = () => this.#dropOutdated(options.table.all())
    this.#unsubscribes = [options.runtimes.subscribe({ updated: drop }), options.leadership.onLead(drop)]
  }

  /** Starts of a revision whose pod is not in the table yet. */
  pendingStarts(key: ObjectKey, revision: string): number {
    const isOf = ({ claim, record }: Coming) =>
      record === undefined && claim.revision === revision && functionOf(claim) === key
    return [...this.#coming.values()].filter(isOf).length
  }

  /** A pod claimed for the caller, that is up. Throws PodStartError. */
  async take(template: RevisionTemplate, claim: WantedClaim): Promise<SuppliedPod> {
    if (this.#stopped) throw new PodStartError('stopped', 'the controller is stopping')
    const stuck = this.#stuck(claim)
    if (stuck !== undefined) throw new PodStartError('start-failed', stuck)
    const runtime = template.runtime === undefined ? undefined : this.#options.runtimes.get({ name: template.runtime })
    if (runtime === undefined && template.runtime !== undefined)
      throw new PodStartError('runtime-missing', `there is no Runtime named ${template.runtime}`)
    const conflict = runtime && placementConflict(template, runtime.spec, runtime.metadata.name)
    if (conflict !== undefined) throw new PodStartError('start-failed', conflict)
    return this.#make({ template, claim, runtime })
  }

  /** The pod is in the table: from now on it is counted there. */
  added(record: PodRecord): void {
    const coming = this.#comingOf(record)
    if (coming === undefined || coming.record !== undefined) return
    coming.record = record
    // The labels say whose it is, but not that it is being started here.
    const claim = { ...coming.claim, claimedAtMs: this.#options.clock.now(), acknowledges: false }
    this.#options.table.change(record, { stage: 'taken', claim })
    if (record.gone.signal.aborted) return this.#gone(record, coming)
    record.gone.signal.addEventListener('abort', () => this.#gone(record, coming), { once: true })
  }

  /** The pod is up. False when this process did not make it, or has it already. */
  up(record: PodRecord): boolean {
    const coming = this.#comingOf(record)
    if (coming === undefined || record.stage === 'leaving') return false
    this.#coming.delete(keyOf(record))
    delete record.stuck
    const { claim, template, waiter } = coming
    const claimedAtMs = this.#options.clock.now()
    this.#options.table.change(record, { stage: 'starting', claim: { ...claim, claimedAtMs, acknowledges: false } })
    if (waiter === undefined) this.#options.late(record, template)
    else waiter.resolve({ record, source: 'new' })
    return true
  }

  /** The API says why it does not come up for now. */
  stuck(record: PodRecord, message: string): void {
    if (record.stuck === message) return
    record.stuck = message
    this.#options.table.change(record, {})
    this.#abandon(this.#comingOf(record), new PodStartError('start-failed', message))
    this.#dropOutdated([record])
  }

  stop(): void {
    this.#stopped = true
    this.#unsubscribes.forEach((unsubscribe) => unsubscribe())
    for (const coming of this.#coming.values())
      this.#abandon(coming, new PodStartError('stopped', 'the controller is stopping'))
  }

  async #make({ template, claim, runtime }: Omit<NewOwnPod, 'name'> & { claim: WantedClaim }): Promise<SuppliedPod> {
    const { clock, podTimeoutMs } = this.#options
    const { namespace } = claim.function
    const name = this.#options.newName(claim.function.name)
    const waiter = Promise.withResolvers<SuppliedPod>()
    const coming: Coming = { template, claim, waiter }
    this.#coming.set(objectKey(namespace, name), coming)
    const late = `its pod ${name} was not up within ${podTimeoutMs / 1000} s`
    const stopTimer = clock.after(podTimeoutMs, () => this.#abandon(coming, new PodStartError('start-timeout', late)))
    this.#options.create({ name, template, runtime }).catch((error: unknown) => {
      this.#coming.delete(objectKey(namespace, name))
      this.#options.createFailed(functionOf(claim), error)
      this.#abandon(coming, notCreated(error))
    })
    return waiter.promise.finally(stopTimer)
  }

  /** One that waits for room as its Runtime was is in the way of one as it is. */
  #dropOutdated(records: Iterable<PodRecord>): void {
    const { leadership, removal } = this.#options
    if (!leadership.leads) return
    for (const record of [...records])
      if (isStuck(record) && this.#isOutdated(record)) removal.discard(record, 'its Runtime has changed')
  }

  /** Of one with newer keys than ours its maker knows more. */
  #isOutdated({ own, runtime: name, template, otherKeys }: PodRecord): boolean {
    const { runtimes, templateOf } = this.#options
    const runtime = own === 'runtime' && otherKeys !== 'beside' ? runtimes.get({ name }) : undefined
    return runtime !== undefined && templateOf(runtime) !== template
  }

  #gone(record: PodRecord, coming: Coming): void {
    this.#coming.delete(keyOf(record))
    const reason: unknown = record.gone.signal.reason
    const code = record.retired === true ? 'stopped' : 'start-failed'
    this.#abandon(coming, new PodStartError(code, typeof reason === 'string' ? reason : 'it ended before it was up'))
  }

  #abandon(coming: Coming | undefined, error: PodStartError): void {
    if (coming?.waiter === undefined) return
    const { waiter } = coming
    delete coming.waiter
    waiter.reject(error)
  }

  /** While one pod of it finds no room, whoever made it, no more are made: they would find none either. Why, when there is one. */
  #stuck({ function: { namespace, name }, revision }: WantedClaim): string | undefined {
    const isOfRevision = (record: PodRecord) => isStuck(record) && record.claim?.revision === revision
    return this.#options.table.ofFunction(objectKey(namespace, name)).find(isOfRevision)?.stuck
  }

  #comingOf(record: PodRecord): Coming | undefined {
    return this.#coming.get(keyOf(record))
  }
}

const isStuck = ({ stage, own, stuck }: PodRecord) => stage === 'taken' && own !== undefined && stuck !== undefined
const keyOf = ({ namespace, name }: PodRecord) => objectKey(namespace, name)
const functionOf = ({ function: { namespace, name } }: WantedClaim) => objectKey(namespace, name)
