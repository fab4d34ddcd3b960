/**
 * Which records of one partition are done, when they end out of order. What may be committed is the low-water mark: everything before it
 * is done; what is done beyond it, and how often records that wait in place were tried, goes along in the commit's metadata, so that
 * neither a restart nor a rebalance does finished work again. Offsets may have gaps.
 */
import { decodeMarks, encodeMarks, MAX_MARKS_BYTES } from './commit-metadata.ts'
import type { Assignment } from './event-log.ts'

/** Of a commit's marks, leaving room for what is on its way. */
const ROOM_BYTES = MAX_MARKS_BYTES - 200
/** What a record that waits in place takes of a commit. */
const IN_PLACE_BYTES = 9
/** Of one partition, those that run and might fail counted. Leaves half of a commit for what is done beyond the mark. */
const MAX_IN_PLACE = 120
const NONE: ReadonlySet<number> = new Set()

export interface InPlace {
  attempts: number
  firstFailedAtMs: number
}

export class OffsetTracker {
  /** Tracked offsets from `#head` on; those before are done and forgotten. */
  #offsets: number[] = []
  #done: boolean[] = []
  #head = 0
  #next: number
  #pending = 0
  /** Done according to the commit this assignment began with. */
  readonly #restored: ReadonlySet<number>
  readonly #inPlace: Map<number, InPlace>

  /** Metadata that is damaged or of another make counts as none. */
  constructor({
    position,
    metadata,
    metadataOffset = position,
  }: Pick<Assignment, 'position' | 'metadata' | 'metadataOffset'>) {
    const { done, inPlace } = decodeMarks(metadata, metadataOffset)
    this.#next = position
    this.#restored = new Set(done.filter((offset) => offset >= position))
    this.#inPlace = new Map(inPlace.filter(([offset]) => offset >= position))
  }

  /** Everything before it is done. */
  get lowWater(): number {
    return this.#offsets[this.#head] ?? this.#next
  }

  /** The next offset that would be new. */
  get next(): number {
    return this.#next
  }

  /** Tracked and not done. */
  get pending(): number {
    return this.#pending
  }

  /** False when it was done before: then there is nothing to do with it. Call in the order of offsets. `last`: of those it stands for. */
  track(offset: number, last = offset): boolean {
    // Read again after a seek: it is tracked already.
    if (offset < this.#next) return false
    const wasDone = this.#restored.has(offset)
    if (offset > this.#next && this.#inPlace.size > 0) this.#forgetGap(offset)
    this.#offsets.push(offset)
    this.#done.push(wasDone)
    this.#next = last + 1
    if (wasDone) this.#advance()
    else this.#pending++
    return !wasDone
  }

  /** What stands before `position` and was not tracked is for nobody. False: that is no news. */
  pass(position: number): boolean {
    if (position <= this.#next) return false
    if (this.#inPlace.size > 0) this.#forgetGap(position)
    this.#next = position
    return true
  }

  done(offset: number): void {
    const index = this.#indexOf(offset)
    if (index === undefined || this.#done[index] === true) return
    this.#done[index] = true
    this.#pending--
    if (this.#inPlace.size > 0) this.#inPlace.delete(offset)
    if (index === this.#head) this.#advance()
  }

  inPlace(offset: number): InPlace | undefined {
    return this.#inPlace.size === 0 ? undefined : this.#inPlace.get(offset)
  }

  failedInPlace(offset: number, state: InPlace): void {
    this.#inPlace.set(offset, state)
  }

  /** False: of what is read beyond this, not everything might fit into a commit. */
  get fits(): boolean {
    return this.#marksBytes(0) <= ROOM_BYTES
  }

  /** Of how many more records that fail in place the attempts would fit, at least. `running`: those that might fail. */
  roomInPlace(running: number): number {
    const roomBytes = MAX_MARKS_BYTES - this.#marksBytes(running)
    return Math.max(0, Math.min(MAX_IN_PLACE - this.#inPlace.size - running, Math.floor(roomBytes / IN_PLACE_BYTES)))
  }

  /** A bitset of the whole is the most that what is done takes. */
  #marksBytes(failing: number): number {
    return (this.#next - this.lowWater) / 8 + (this.#inPlace.size + failing) * IN_PLACE_BYTES
  }

  /** For the commit of `lowWater`. */
  encode(): string {
    return this.#encodeFrom(this.#head, this.lowWater, NONE)
  }

  /** What is to be committed together with what makes these done, too. */
  commitWith(also: ReadonlySet<number>): { offset: number; metadata: string } {
    let head = this.#head
    while (this.#done[head] === true || also.has(this.#offsets[head] ?? -1)) head++
    const offset = this.#offsets[head] ?? this.#next
    return { offset, metadata: this.#encodeFrom(head, offset, also) }
  }

  #encodeFrom(head: number, lowWater: number, also: ReadonlySet<number>): string {
    const done: number[] = []
    for (let index = head; index < this.#offsets.length; index++) {
      const offset = this.#offsets[index] ?? 0
      if (this.#done[index] === true || also.has(offset)) done.push(offset)
    }
    for (const offset of this.#restored) if (offset >= this.#next) done.push(offset)
    const inPlace = also.size === 0 ? [...this.#inPlace] : [...this.#inPlace].filter(([offset]) => !also.has(offset))
    return encodeMarks({ done, inPlace }, lowWater)
  }

  /** What waited in place there was compacted away or has expired since: nobody will ever be done with it. */
  #forgetGap(until: number): void {
    for (const offset of this.#inPlace.keys()) if (offset >= this.#next && offset < until) this.#inPlace.delete(offset)
  }

  #advance(): void {
    while (this.#done[this.#head] === true) this.#head++
    // Moving the rest costs its length: paid once per that many steps.
    if (this.#head < 1024 || this.#head * 2 < this.#offsets.length) return
    this.#offsets = this.#offsets.slice(this.#head)
    this.#done = this.#done.slice(this.#head)
    this.#head = 0
  }

  /** Mostly offsets have no gaps: then the first guess is right. */
  #indexOf(offset: number): number | undefined {
    const first = this.#offsets[this.#head]
    if (first === undefined || offset < first) return undefined
    const guess = this.#head + offset - first
    if (this.#offsets[guess] === offset) return guess
    let low = this.#head
    let high = Math.min(guess, this.#offsets.length - 1)
    while (low <= high) {
      const middle = (low + high) >> 1
      const found = this.#offsets[middle] ?? 0
      if (found === offset) return middle
      if (found < offset) low = middle + 1
      else high = middle - 1
    }
    return undefined
  }
}
