/**
 * What pods write, kept per function in bounded memory and handed to whoever follows.
 * Stores chunks as they come: they are split into lines only when somebody reads. What a pod writes before it is claimed goes to the
 * function it is then claimed for (its code may speak while it loads, before labels tell whose it is), else to its runtime.
 */
import type { ObjectKey } from '../../api/names.ts'
import { createChunkRing, type ChunkRing } from './chunk-ring.ts'
import { createLineSplitter, type LineSplitter } from './line-splitter.ts'
import type { LogLine, LogSource, LogStream } from './log-line.ts'

export interface PodLog {
  write(stream: LogStream, chunk: Buffer): void
  /** From now on, and for all it wrote before, the lines are this function's. */
  claim(functionKey: ObjectKey): void
  /** The newest bytes it wrote to stderr, at most 2 KB, as whole lines. */
  lastWords(): string
  close(): void
}

export interface LogBook {
  open(pod: { pod: string; runtime: string; function: ObjectKey | undefined }): PodLog
  /** The last `count` lines, oldest first. */
  tail(source: LogSource, count: number): LogLine[]
  /** Every line from now on, of one source or of all. Returns the unsubscribe. */
  follow(source: LogSource | undefined, listener: (line: LogLine) => void): () => void
  forget(source: LogSource): void
}

/** Per function. */
export const RING_BYTES = 1024 * 1024
const UNCLAIMED_BYTES = 64 * 1024
const LAST_WORDS_BYTES = 2048

interface Book {
  rings: Map<LogSource, ChunkRing>
  followers: Map<LogSource | undefined, Set<(line: LogLine) => void>>
}

export function createLogBook(): LogBook {
  const book: Book = { rings: new Map(), followers: new Map() }
  return {
    open: (pod) => new OpenPodLog(book, pod),
    tail: (source, count) => (count === 0 ? [] : (book.rings.get(source)?.lines(source).slice(-count) ?? [])),
    follow(source, listener) {
      const set = book.followers.get(source) ?? new Set()
      book.followers.set(source, set.add(listener))
      return () => {
        set.delete(listener)
        if (set.size === 0 && book.followers.get(source) === set) book.followers.delete(source)
      }
    },
    forget: (source) => void book.rings.delete(source),
  }
}

class OpenPodLog implements PodLog {
  readonly #book: Book
  readonly #pod: string
  readonly #runtime: string
  readonly #splitters: Record<LogStream, LineSplitter> = { stdout: createLineSplitter(), stderr: createLineSplitter() }
  #source: LogSource | undefined
  #unclaimed: ChunkRing | undefined
  #lastWords: Buffer = Buffer.alloc(0)

  constructor(book: Book, pod: { pod: string; runtime: string; function: ObjectKey | undefined }) {
    this.#book = book
    this.#pod = pod.pod
    this.#runtime = pod.runtime
    this.#source = pod.function
  }

  write(stream: LogStream, chunk: Buffer): void {
    if (stream === 'stderr') this.#lastWords = newest(this.#lastWords, chunk)
    if (this.#source === undefined) {
      this.#unclaimed ??= createChunkRing(UNCLAIMED_BYTES)
      this.#unclaimed.push({ pod: this.#pod, stream, chunk })
    } else this.#store(this.#source, stream, chunk)
  }

  claim(functionKey: ObjectKey): void {
    if (this.#source === undefined) this.#attribute(functionKey)
  }

  lastWords(): string {
    return this.#lastWords.toString('utf8').trim()
  }

  close(): void {
    const source = this.#source ?? (`runtime:${this.#runtime}` as const)
    if (this.#source === undefined) this.#attribute(source)
    for (const stream of ['stdout', 'stderr'] as const)
      this.#splitters[stream].flush((text) => this.#tell(source, stream, text))
  }

  #attribute(source: LogSource): void {
    this.#source = source
    this.#unclaimed?.chunks().forEach(({ stream, chunk }) => this.#store(source, stream, chunk))
    this.#unclaimed = undefined
  }

  #store(source: LogSource, stream: LogStream, chunk: Buffer): void {
    const ring = this.#book.rings.get(source) ?? createChunkRing(RING_BYTES)
    this.#book.rings.set(source, ring)
    ring.push({ pod: this.#pod, stream, chunk })
    const { followers } = this.#book
    if (followers.has(source) || followers.has(undefined))
      this.#splitters[stream].push(chunk, (text) => this.#tell(source, stream, text))
  }

  #tell(source: LogSource, stream: LogStream, text: string): void {
    const line: LogLine = { source, pod: this.#pod, stream, text }
    for (const listener of this.#book.followers.get(source) ?? []) listener(line)
    for (const listener of this.#book.followers.get(undefined) ?? []) listener(line)
  }
}

function newest(before: Buffer, chunk: Buffer): Buffer {
  if (chunk.length >= LAST_WORDS_BYTES) return chunk.subarray(chunk.length - LAST_WORDS_BYTES)
  return Buffer.concat([before.subarray(-(LAST_WORDS_BYTES - chunk.length)), chunk])
}
