/** One data plane's feed as an HTTP response. A consumer that does not keep up is cut: it reconnects and starts from a snapshot. */
import type { ServerResponse } from 'node:http'
import type { Feed } from './feed.ts'

export interface FeedStreamOptions {
  feed: Pick<Feed, 'subscribe'>
  response: ServerResponse
  /** Unread bytes, beyond the snapshot, at which the consumer is cut. */
  limitBytes: number
  /** Epoch ms. */
  now: () => number
  onCut: () => void
}

/** A reader that has not emptied its buffer for this long is as good as gone. */
const LONGEST_STALL_MS = 15_000

export function streamFeed({ feed, response, limitBytes, now, onCut }: FeedStreamOptions): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
  let snapshotBytes: number | undefined
  let emptyAtMs = now()
  const write = (line: string) => {
    if (response.destroyed) return
    snapshotBytes ??= Buffer.byteLength(line)
    if (response.writableLength === 0) emptyAtMs = now()
    if (response.writableLength > limitBytes + snapshotBytes || now() - emptyAtMs > LONGEST_STALL_MS) {
      onCut()
      return void response.destroy()
    }
    response.write(line)
  }
  response.on('close', feed.subscribe({ write, end: () => response.end() }))
}
