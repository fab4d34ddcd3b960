/**
 * One assigned partition: takes its records over, lets them start as ordering, back-pressure and capacity allow, and does with each what
 * its outcome says. Promises that a record is done only after it was handled or stored elsewhere, and that its buffer is bounded.
 */
import { LinkedList } from '../../lib/linked-list.ts'
import { createAdmission, type Admission } from '../admission.ts'
import type { DeliveryOutcome } from '../delivery.ts'
import { lastOffsetOf, type CommittedOffset, type LogRecord, type PartitionId } from '../event-log.ts'
import { OffsetTracker } from '../offset-tracker.ts'
import { tierDelayMs } from '../topic-names.ts'
import { BatchWindow } from './batch-window.ts'
import { BufferGauge } from './buffer-gauge.ts'
import { DueWait } from './due-wait.ts'
import { checkCount, deliverHalving, heldAsBroken, wasCalled } from './deliver.ts'
import { createEntry, type Entry } from './entry.ts'
import { HandOvers } from './hand-overs.ts'
import { InPlaceWaits, leftOfWait } from './in-place-waits.ts'
import { Running } from './running.ts'
import { Contender } from './scheduler.ts'
import { settle } from './settle.ts'
import type { WorkerOptions } from './worker-options.ts'

export class PartitionWorker extends Contender {
  readonly options: WorkerOptions
  readonly id: PartitionId
  readonly tracker: OffsetTracker
  readonly handOvers: HandOvers
  readonly #gone = new AbortController()
  readonly signal = this.#gone.signal
  readonly #functionKey: string
  readonly #admission: Admission<Entry>
  readonly #waiting: DueWait
  /** Cannot be handled, and may not be moved away: they stop their key or partition. */
  readonly blocked = new Set<Entry>()
  readonly #inPlace: InPlaceWaits
  readonly #gauge: BufferGauge
  /** Not done, as they came. */
  readonly #entries = new LinkedList<Entry>()
  #isDraining = false
  readonly #running = new Running()
  readonly #window: BatchWindow
  /** Of the topic, as last asked for. */
  knownEnd = 0

  constructor(options: WorkerOptions) {
    super()
    const { assignment, state } = options
    this.options = options
    this.#functionKey = state.subscription.functionKey
    this.id = { topic: assignment.topic, partition: assignment.partition }
    this.tracker = new OffsetTracker(assignment)
    this.handOvers = new HandOvers({ id: this.id, tracker: this.tracker, handOver: options.handOver })
    this.#gauge = new BufferGauge({ ...options, tracker: this.tracker })
    this.#admission = createAdmission<Entry>(state.subscription.ordering)
    this.#inPlace = new InPlaceWaits(options.engine.clock, (entry) => {
      this.#admission.putBack(entry)
      this.offer()
    })
    this.#window = new BatchWindow(options.engine.clock, () => this.offer())
    this.#waiting = new DueWait({
      ...{ clock: options.engine.clock, wall: options.engine.wall },
      delayMs: tierDelayMs(assignment.topic) ?? state.subscription.retry.backoff.maxMs,
      onDue: (entries) => {
        for (const entry of entries) this.#admission.push(entry.record.key, entry)
        this.offer()
      },
    })
    state.workers.add(this)
  }

  get isGone(): boolean {
    return this.signal.aborted
  }

  get running(): number {
    return this.#running.calls
  }

  get isPaused(): boolean {
    return this.#gauge.isPaused
  }

  get waitingInPlace(): number {
    return this.#inPlace.size
  }

  /** Of what is not done, the first that came. */
  get oldest(): Entry | undefined {
    return this.#entries.first
  }

  /** Due and not running, whatever it waits for. */
  get due(): number {
    return this.#admission.waiting
  }

  /** Of these, what could start if its function could run: `lanes` of them side by side. */
  get startable(): { records: number; lanes: number } {
    return { records: this.#ready, lanes: Math.min(this.#admission.lanes, this.#ready) }
  }

  /** Buffered, not yet due. */
  get notDue(): number {
    return this.#waiting.size
  }

  accept(records: readonly LogRecord[]): void {
    if (this.isGone) return
    const { role, state } = this.options
    const { stats, subscription } = state
    for (const record of records) {
      if (!this.tracker.track(record.offset, lastOffsetOf(record))) stats.duplicates++
      else this.#take(createEntry(record, role, subscription))
    }
    this.#gauge.check()
    if (role === 'tier') this.#waiting.check()
    // What was done before may be committed now.
    this.options.onProgress(0)
    this.offer()
  }

  offer(): void {
    if (this.#mayStart()) this.options.engine.scheduler.offer(this.#functionKey, this)
  }

  override startNext(): boolean {
    if (!this.#mayStart()) return false
    const which = this.#which
    const { batch, ordering } = this.options.state.subscription
    const room = ordering === 'key' && which === 'all' ? this.#room : Infinity
    const entries = this.#admission.take(Math.min(batch?.size ?? 1, room), which)
    if (entries.length === 0) return false
    this.#window.started()
    this.#running.begin(entries.length)
    void this.#run(entries)
    return true
  }

  /** Nothing starts any more; settles when what runs has ended. */
  async drain(): Promise<void> {
    this.#isDraining = true
    await this.#running.idle()
  }

  /** The partition is no longer ours. */
  drop(): void {
    if (this.isGone) return
    const { engine, state } = this.options
    this.#gone.abort()
    this.#gauge.clear()
    engine.scheduler.forget(this.#functionKey, this)
    state.workers.delete(this)
    this.#waiting.stop()
    this.#window.stop()
    this.#inPlace.stop()
  }

  commitOf(): CommittedOffset {
    return { ...this.id, offset: this.tracker.lowWater, metadata: this.tracker.encode() }
  }

  /** Done with it, whatever became of it. */
  finish(entry: Entry): void {
    if (this.blocked.size > 0) this.blocked.delete(entry)
    this.#entries.remove(entry)
    this.#admission.release(entry)
    this.tracker.done(entry.record.offset)
    this.#gauge.remove(entry.sizeBytes)
    this.options.onProgress(1)
  }

  putBack(entry: Entry): void {
    this.#admission.putBack(entry)
  }

  /** The entry keeps its lane and is tried again after the delay. */
  retryInPlace(entry: Entry, delayMs: number): void {
    this.#inPlace.begin(entry, delayMs)
    this.options.onProgress(0)
  }

  attemptOf({ record, meta }: Entry): number {
    return meta.attempt + (this.tracker.inPlace(record.offset)?.attempts ?? 0)
  }

  /** Where it belongs: into the line, or to where it waits. */
  #take(entry: Entry): void {
    const { record, meta } = entry
    this.#entries.push(entry)
    this.#gauge.add(entry.sizeBytes)
    const leftMs = leftOfWait(this, entry)
    if (leftMs > 0 && this.#admission.pushTaken(record.key, entry)) this.retryInPlace(entry, leftMs)
    else if (meta.dueMs !== undefined && this.options.role === 'tier') this.#waiting.push(meta.dueMs, entry)
    else this.#admission.push(record.key, entry)
  }

  /** While no more may fail in place, only what failed before is tried. */
  get #which(): 'all' | 'again' {
    return this.#room > 0 ? 'all' : 'again'
  }

  /** Each that runs might fail in place: of a key at most one, but in a batch there are many keys. */
  get #room(): number {
    return this.tracker.roomInPlace(this.#running.records)
  }

  get #ready(): number {
    return this.#which === 'all' ? this.#admission.ready : this.#admission.readyAgain
  }

  #mayStart(): boolean {
    if (this.#isDraining || this.isGone || !this.options.state.hold.mayStart || this.#ready === 0) return false
    const { batch } = this.options.state.subscription
    const isAllThereIs = this.isPaused && this.#running.calls === 0
    if (batch === undefined || this.#ready >= batch.size || this.#window.isOver || isAllThereIs) return true
    this.#window.begin(batch.windowMs)
    return false
  }

  async #run(entries: readonly Entry[]): Promise<void> {
    const { engine, state } = this.options
    const isProbe = state.hold.begin(state.circuitOpen)
    const startedMs = engine.clock.now()
    let outcomes: (DeliveryOutcome | undefined)[]
    try {
      outcomes = checkCount(await deliverHalving(this, entries), entries.length)
    } catch (error) {
      outcomes = heldAsBroken(this, entries, error)
    }
    if (this.isGone && isProbe) state.hold.probeLost()
    if (!this.isGone && wasCalled(outcomes[0])) state.stats.called(engine.clock.now() - startedMs)
    // What can be done at once is done before the slot is given on: a hold must be seen by whoever would start next.
    const settling = this.isGone ? undefined : settle(this, { entries, outcomes, isProbe })
    engine.scheduler.finished(this.#functionKey)
    if (settling !== undefined) await settling
    this.#running.end(entries.length)
    this.offer()
  }
}
