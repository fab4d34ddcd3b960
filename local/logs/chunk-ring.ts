/** Chunks of output in the order they came, the oldest dropped when there are too many bytes or too many chunks. */
import { createLineSplitter, type LineSplitter } from './line-splitter.ts'
import type { LogLine, LogSource, LogStream } from './log-line.ts'

export interface LogChunk {
  pod: string
  stream: LogStream
  chunk: Buffer
}

export interface ChunkRing {
  push(chunk: LogChunk): void
  chunks(): readonly LogChunk[]
  /** Splits what is there; the first line of a stream may be cut. */
  lines(source: LogSource): LogLine[]
}

/** A chunk costs about 200 bytes beside its content. */
const MAX_CHUNKS = 8192

export function createChunkRing(maxBytes: number): ChunkRing {
  let entries: LogChunk[] = []
  let first = 0
  let sizeBytes = 0

  const dropOldest = () => {
    sizeBytes -= entries[first]?.chunk.length ?? 0
    first += 1
    // Moving the rest costs its length: paid once per that many drops.
    if (first * 2 < entries.length) return
    entries = entries.slice(first)
    first = 0
  }
  return {
    push(entry) {
      const chunk = entry.chunk.length > maxBytes ? entry.chunk.subarray(-maxBytes) : entry.chunk
      entries.push({ ...entry, chunk })
      sizeBytes += chunk.length
      while (sizeBytes > maxBytes || entries.length - first > MAX_CHUNKS) dropOldest()
    },
    chunks: () => entries.slice(first),
    lines: (source) => splitChunks(entries.slice(first), source),
  }
}

function splitChunks(chunks: readonly LogChunk[], source: LogSource): LogLine[] {
  const lines: LogLine[] = []
  const open = new Map<string, { splitter: LineSplitter; add: (text: string) => void }>()
  for (const { pod, stream, chunk } of chunks) {
    const id = `${stream} ${pod}`
    const entry = open.get(id) ?? {
      splitter: createLineSplitter(),
      add: (text: string) => void lines.push({ source, pod, stream, text }),
    }
    open.set(id, entry)
    entry.splitter.push(chunk, entry.add)
  }
  for (const { splitter, add } of open.values()) splitter.flush(add)
  return lines
}
