/** Records as kafkajs encodes them. */
import type { Header, NewRecord } from '../event-log.ts'
import type { WireMessage } from './wire.ts'

export function wireMessage({ key, value, headers, timestampMs }: NewRecord, nowMs: number): WireMessage {
  return { key, value, headers: wireHeaders(headers), timestamp: String(timestampMs ?? nowMs) }
}

/** A name without meaning: kafkajs asks what is under it for what to send. */
const ALL = 'all'

/**
 * kafkajs keeps headers by name, which would lose their order; it makes pairs of a list under a name with the list's own `map`, and this
 * list has a map that gives all pairs as they are.
 */
function wireHeaders(headers: readonly Header[]): Record<string, unknown> {
  return headers.length === 0 ? {} : { [ALL]: new PairList(headers) }
}

class PairList extends Array<never> {
  readonly #pairs: readonly Header[]

  constructor(pairs: readonly Header[]) {
    super()
    this.#pairs = pairs
  }

  override map<T>(): T[] {
    return this.#pairs.map(([key, value]) => ({ key, value })) as T[]
  }
}

/** About what a record takes of a batch: lengths and deltas are a few bytes each. */
export function sizeOfRecord({ key, value, headers }: NewRecord): number {
  let size = 40 + (key?.length ?? 0) + (value?.length ?? 0)
  for (const [name, bytes] of headers) size += 10 + Buffer.byteLength(name) + bytes.length
  return size
}
